#include "tasks.h"

#include "task_list.h"

namespace vfio_isolate {
namespace {

/** Reads the file that tells the thread group only where the task may not be its leader: it costs the kernel most. */
int findThreadGroup(const Proc &proc, int32_t tid, const TaskStat &stat, bool listsLeaders, int32_t &tgid) {
  tgid = tid;
  return listsLeaders || stat.threads == 1 ? 0 : proc.threadGroup(tid, tgid);
}

void addRow(TaskTable &table, int32_t tid, int32_t tgid, const TaskStat &stat) {
  table.tid.push_back(tid);
  table.tgid.push_back(tgid);
  table.ppid.push_back(stat.ppid);
  table.start.push_back(static_cast<double>(stat.start));
  table.flags.push_back(stat.flags);
  table.comm.emplace_back(stat.comm);
}

bool listsProcesses(const std::string &list) { return list.substr(list.rfind('/') + 1) == "cgroup.procs"; }

}  // namespace

void TaskTable::reserve(size_t rows) {
  tid.reserve(rows);
  tgid.reserve(rows);
  ppid.reserve(rows);
  start.reserve(rows);
  flags.reserve(rows);
  comm.reserve(rows);
}

Failure readTasks(const Beneath &hierarchy, const std::string &list, const Proc &proc, Control control,
                  TaskTable &table) {
  TaskList listed;
  if (Failure failure = readTaskList(hierarchy, list, listed)) return failure;
  table.reserve(listed.ids.size());
  TaskStat stat;
  for (const int32_t tid : listed.ids) {
    if (control.cancelled()) break;
    int32_t tgid = 0;
    int error = proc.stat(tid, stat);
    const char *file = "stat";
    if (error == 0) {
      error = findThreadGroup(proc, tid, stat, listsProcesses(list), tgid);
      file = "status";
    }
    if (error != 0 && !isGone(error)) return {error, "read", proc.pathOf(tid, file)};
    if (error == 0) addRow(table, tid, tgid, stat);
    control.advance();
  }
  return {};
}

}  // namespace vfio_isolate
