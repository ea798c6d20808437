#include "select.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "task_list.h"

namespace vfio_isolate {
namespace {

/** The longer one may have trailing zeros. */
bool isSame(const CpuMask &left, const CpuMask &right) {
  for (size_t byte = 0; byte < std::max(left.size(), right.size()); ++byte) {
    if ((byte < left.size() ? left[byte] : 0) != (byte < right.size() ? right[byte] : 0)) return false;
  }
  return true;
}

bool overlaps(const CpuMask &left, const CpuMask &right) {
  for (size_t byte = 0; byte < std::min(left.size(), right.size()); ++byte) {
    if ((left[byte] & right[byte]) != 0) return true;
  }
  return false;
}

class Selection {
 public:
  Selection(const SelectRequest &request, Control control, std::vector<int32_t> &selected)
      : request_(request), filter_(request.filter), control_(control), selected_(selected) {}

  Failure fromList();
  Failure fromProcesses(const std::vector<int32_t> &pids);
  Failure fromHost();

 private:
  /** Takes the task in where the filter admits it. */
  Failure consider(int32_t tid);
  /** Each returns an errno, and in `admitted` whether the task is still one of those. */
  int checkAffinity(int32_t tid, bool &admitted);
  int checkName(int32_t tid, bool &admitted);
  int checkStat(int32_t tid, bool &admitted);
  int checkUser(int32_t tid, bool &admitted);
  bool isNamed(std::string_view comm) const;

  const SelectRequest &request_;
  const TaskFilter &filter_;
  const Control control_;
  std::vector<int32_t> &selected_;
  CpuMask mask_;
  std::string name_;
  TaskStat stat_;
};

Failure Selection::fromList() {
  TaskList list;
  if (Failure failure = readTaskList(*request_.hierarchy, request_.list, list)) return failure;
  for (const int32_t tid : list.ids) {
    if (control_.cancelled()) break;
    if (Failure failure = consider(tid)) return failure;
  }
  return {};
}

Failure Selection::fromProcesses(const std::vector<int32_t> &pids) {
  std::vector<int32_t> threads;
  for (const int32_t pid : pids) {
    if (control_.cancelled()) break;
    threads.assign(1, pid);
    if (filter_.threads) {
      threads.clear();
      const int error = request_.proc.threads(pid, threads);
      if (error != 0 && !isGone(error)) return {error, "getdents64", request_.proc.pathOf(pid, "task")};
    }
    for (const int32_t tid : threads) {
      if (Failure failure = consider(tid)) return failure;
    }
  }
  return {};
}

Failure Selection::fromHost() {
  std::vector<int32_t> pids;
  if (const int error = request_.proc.processes(pids); error != 0) return {error, "getdents64", request_.proc.path()};
  return fromProcesses(pids);
}

Failure Selection::consider(int32_t tid) {
  bool admitted = true;
  const char *syscall = "sched_getaffinity";
  const char *file = "";
  int error = checkAffinity(tid, admitted);
  if (error == 0 && admitted && filter_.kernelThread) {
    std::tie(syscall, file) = std::pair("read", "stat");
    error = checkStat(tid, admitted);
  } else if (error == 0 && admitted && filter_.asksForName()) {
    std::tie(syscall, file) = std::pair("read", "comm");
    error = checkName(tid, admitted);
  }
  if (error == 0 && admitted && filter_.uid) {
    std::tie(syscall, file) = std::pair("read", "status");
    error = checkUser(tid, admitted);
  }
  control_.advance();
  if (error != 0) return isGone(error) ? Failure{} : Failure{error, syscall, request_.proc.pathOf(tid, file)};
  if (admitted) selected_.push_back(tid);
  return {};
}

int Selection::checkAffinity(int32_t tid, bool &admitted) {
  if (filter_.affinity.empty() && filter_.mayRunOn.empty()) return 0;
  const int error = getAffinity(tid, mask_);
  if (error != 0) return error;
  admitted = (filter_.affinity.empty() || isSame(mask_, filter_.affinity)) &&
             (filter_.mayRunOn.empty() || overlaps(mask_, filter_.mayRunOn));
  return 0;
}

int Selection::checkName(int32_t tid, bool &admitted) {
  const int error = request_.proc.name(tid, name_);
  admitted = error == 0 && isNamed(name_);
  return error;
}

int Selection::checkStat(int32_t tid, bool &admitted) {
  const int error = request_.proc.stat(tid, stat_);
  admitted =
      error == 0 && stat_.isKernelThread() == *filter_.kernelThread && (!filter_.asksForName() || isNamed(stat_.comm));
  return error;
}

int Selection::checkUser(int32_t tid, bool &admitted) {
  uint32_t uid = 0;
  const int error = request_.proc.user(tid, uid);
  admitted = error == 0 && uid == *filter_.uid;
  return error;
}

bool Selection::isNamed(std::string_view comm) const {
  const auto begins = [&](const std::string &prefix) { return comm.substr(0, prefix.size()) == prefix; };
  return std::find(filter_.names.begin(), filter_.names.end(), comm) != filter_.names.end() ||
         std::any_of(filter_.prefixes.begin(), filter_.prefixes.end(), begins);
}

}  // namespace

Failure selectTasks(const SelectRequest &request, Control control, std::vector<int32_t> &selected) {
  Selection selection(request, control, selected);
  if (request.hierarchy) return selection.fromList();
  return request.tids ? selection.fromProcesses(*request.tids) : selection.fromHost();
}

}  // namespace vfio_isolate
