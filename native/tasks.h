#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "beneath.h"
#include "control.h"
#include "proc.h"

namespace vfio_isolate {

/** Columns of equal length, one row a task. */
struct TaskTable {
  std::vector<int32_t> tid;
  std::vector<int32_t> tgid;
  std::vector<int32_t> ppid;
  std::vector<double> start;
  std::vector<uint32_t> flags;
  std::vector<std::string> comm;

  void reserve(size_t rows);
};

/** Reads a cgroup's list and each task's stat. Tasks that exit meanwhile are left out. */
Failure readTasks(const Beneath &hierarchy, const std::string &list, const Proc &proc, Control control,
                  TaskTable &table);

}  // namespace vfio_isolate
