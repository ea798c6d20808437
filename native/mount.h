#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "failure.h"

namespace vfio_isolate {

struct CgroupMount {
  std::string mountPoint;
  std::string root;
  /** f_type of statfs(2), 0 where the mount point cannot be reached. */
  uint32_t type = 0;
  std::vector<std::string> options;
};

Failure fileSystemType(const std::string &path, uint32_t &type);

/** The cgroup mounts of a mountinfo file, see proc_pid_mountinfo(5), without those that a later mount hides. */
Failure readCgroupMounts(const std::string &mountinfo, std::vector<CgroupMount> &mounts);

/**
 * Whether mounts have changed since an open mountinfo was asked last or, at first, since it was opened: poll(2) tells,
 * see proc_pid_mounts(5).
 */
bool mountsHaveChanged(int mountinfo);

}  // namespace vfio_isolate
