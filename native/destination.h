#pragma once

#include <string>

#include "beneath.h"
#include "plan.h"

namespace vfio_isolate {

/** The cgroup that tasks go to, its lists held open from the first write on. */
class Destination {
 public:
  Destination(const Beneath &hierarchy, int version, std::string cgroup)
      : hierarchy_(hierarchy), version_(version), cgroup_(std::move(cgroup)) {}

  /** Opens the list that takes such targets. */
  Failure prepare(bool group);

  /** Moves a target. Returns the kernel's errno, or 0. */
  int take(const Target &target);

  /** Whether a target goes by the list of whole processes. */
  bool goesAsGroup(const Target &target) const {
    return target.whole != 0 && (version_ == 2 || always_ || target.threads > 1);
  }
  /** On v1 a process of one thread may as well go by its thread; a row of a caller's list may have more. */
  void alwaysAsGroup() { always_ = true; }

 private:
  const Beneath &hierarchy_;
  const int version_;
  const std::string cgroup_;
  bool always_ = false;
  UniqueFd group_;
  UniqueFd thread_;
};

}  // namespace vfio_isolate
