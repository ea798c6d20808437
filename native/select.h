#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "affinity.h"
#include "beneath.h"
#include "control.h"
#include "proc.h"

namespace vfio_isolate {

/** Which tasks somebody wants. What is not asked for is not looked at. */
struct TaskFilter {
  /** Every thread for itself, else processes, by their first thread. */
  bool threads = false;
  /** The name is one of these or begins with one of those; not asked for where both are empty. */
  std::vector<std::string> names;
  std::vector<std::string> prefixes;
  /** The effective user. */
  std::optional<uint32_t> uid;
  std::optional<bool> kernelThread;
  /** The online CPUs that the task may run on are just these; empty: not asked for. */
  CpuMask affinity;
  /** It may run on one of these at least; empty: not asked for. */
  CpuMask mayRunOn;

  bool asksForName() const { return !names.empty() || !prefixes.empty(); }
};

struct SelectRequest {
  Proc proc;
  TaskFilter filter;
  /** The list of a cgroup to choose from ... */
  std::optional<Beneath> hierarchy;
  std::string list;
  /** ... or these tasks, with `filter.threads` all threads of them; else all of the host. */
  std::optional<std::vector<int32_t>> tids;
};

/** The tasks that a filter admits. One that exits meanwhile is left out. */
Failure selectTasks(const SelectRequest &request, Control control, std::vector<int32_t> &selected);

}  // namespace vfio_isolate
