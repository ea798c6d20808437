#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "beneath.h"

namespace vfio_isolate {

/** The TIDs or PIDs of a cgroup's list. */
struct TaskList {
  std::vector<int32_t> ids;
  /** Members that this PID namespace does not see: the kernel names each 0, and writing 0 would move the writer. */
  int32_t foreign = 0;
};

/** Reads a list anew: the kernel may keep serving the old one to a descriptor that is read twice. */
Failure readTaskList(const Beneath &hierarchy, const std::string &relative, TaskList &list);

}  // namespace vfio_isolate
