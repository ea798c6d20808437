#include "plan.h"

#include <algorithm>
#include <cerrno>

#include "task_list.h"

namespace vfio_isolate {
namespace {

using Ids = std::vector<int32_t>;

constexpr size_t kSample = 3;

Failure readSorted(const Beneath &hierarchy, const std::string &cgroup, const char *file, TaskList &list) {
  Failure failure = readTaskList(hierarchy, fileIn(cgroup, file), list);
  if (!std::is_sorted(list.ids.begin(), list.ids.end())) std::sort(list.ids.begin(), list.ids.end());
  return failure;
}

void planEach(const Ids &ids, bool whole, Plan &plan) {
  plan.targets.reserve(ids.size());
  for (const int32_t id : ids) plan.targets.emplace_back(id, 1, whole);
}

/**
 * Whether tasks spread over a list are each alone in their process. Then the others will mostly be so too, and asking
 * the kernel for the list of processes as well would cost more than moving the exceptions thread by thread.
 */
bool looksSingleThreaded(const Proc &proc, const Ids &tids) {
  const size_t step = tids.size() / kSample + 1;
  for (size_t index = 0; index < tids.size(); index += step) {
    int32_t count = 0;
    if (proc.threadCount(tids[index], count) == 0 && count > 1) return false;
  }
  return true;
}

/** Counts each process's threads; false where one has just exited. */
bool countThreads(const Proc &proc, const Ids &pids, Plan &plan, size_t &sum) {
  plan.targets.reserve(pids.size());
  sum = 0;
  for (const int32_t pid : pids) {
    int32_t count = 0;
    if (proc.threadCount(pid, count) != 0 || count < 1) return false;
    plan.targets.emplace_back(pid, count, true);
    sum += static_cast<size_t>(count);
  }
  return true;
}

/** The TIDs of a list, and which of them a process of the plan has taken. */
class Unclaimed {
 public:
  explicit Unclaimed(const Ids &sorted) : sorted_(sorted), taken_(sorted.size(), false) {}

  /** Takes all of these threads, or none unless all are there. */
  bool takeAll(const Ids &tids) {
    for (const int32_t tid : tids) {
      if (find(tid) == sorted_.size()) return false;
    }
    for (const int32_t tid : tids) taken_[find(tid)] = true;
    return !tids.empty();
  }

  Ids rest() const {
    Ids rest;
    for (size_t index = 0; index < sorted_.size(); ++index) {
      if (!taken_[index]) rest.push_back(sorted_[index]);
    }
    return rest;
  }

 private:
  size_t find(int32_t tid) const {
    const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), tid);
    return at != sorted_.end() && *at == tid ? static_cast<size_t>(at - sorted_.begin()) : sorted_.size();
  }

  const Ids &sorted_;
  std::vector<bool> taken_;
};

/** Looks at every process's threads: exact, but a directory read each. */
void planExactly(const Proc &proc, const Ids &tids, const Ids &pids, Plan &plan) {
  plan.targets.clear();
  Unclaimed unclaimed(tids);
  Ids threads;
  for (const int32_t pid : pids) {
    threads.clear();
    if (proc.threads(pid, threads) != 0 || !unclaimed.takeAll(threads)) continue;
    plan.targets.emplace_back(pid, static_cast<int32_t>(threads.size()), true);
  }
  planEach(unclaimed.rest(), false, plan);
}

}  // namespace

std::string fileIn(const std::string &cgroup, const char *file) { return cgroup.empty() ? file : cgroup + '/' + file; }

Failure planV1(const Beneath &hierarchy, const Proc &proc, const std::string &cgroup, bool exactly, Plan &plan) {
  TaskList tasks;
  TaskList again;
  TaskList processes;
  if (Failure failure = readSorted(hierarchy, cgroup, "tasks", tasks)) return failure;
  plan.foreign = tasks.foreign;
  if (!exactly && looksSingleThreaded(proc, tasks.ids)) {
    planEach(tasks.ids, true, plan);
    return {};
  }
  if (Failure failure = readSorted(hierarchy, cgroup, "cgroup.procs", processes)) return failure;
  if (tasks.ids == processes.ids) {
    planEach(tasks.ids, true, plan);
    return {};
  }
  // A process counts all its threads, wherever they are. So if the counts add up to the list, and the list was the
  // same before and after counting, no thread is elsewhere.
  size_t sum = 0;
  if (countThreads(proc, processes.ids, plan, sum) && sum == tasks.ids.size()) {
    if (Failure failure = readSorted(hierarchy, cgroup, "tasks", again)) return failure;
    if (again.ids == tasks.ids) return {};
  }
  planExactly(proc, tasks.ids, processes.ids, plan);
  return {};
}

Failure planV2(const Beneath &hierarchy, const std::string &cgroup, Plan &plan) {
  TaskList list;
  Failure failure = readTaskList(hierarchy, fileIn(cgroup, "cgroup.procs"), list);
  const bool threaded = failure.error == EOPNOTSUPP;
  if (threaded) failure = readTaskList(hierarchy, fileIn(cgroup, "cgroup.threads"), list);
  if (failure) return failure;
  plan.foreign = list.foreign;
  planEach(list.ids, !threaded, plan);
  return {};
}

}  // namespace vfio_isolate
