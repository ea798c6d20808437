#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "beneath.h"
#include "proc.h"

namespace vfio_isolate {

/** One write of a move: a whole process, or one thread of a process that does not go as a whole. */
struct Target {
  int32_t id = 0;
  /** Threads that the write moves, where they were counted, else 1. */
  uint32_t threads : 30;
  uint32_t whole : 1;
  uint32_t moved : 1;

  Target(int32_t target, int32_t count, bool isWhole)
      : id(target), threads(static_cast<uint32_t>(count) & 0x3fffffff), whole(isWhole ? 1 : 0), moved(0) {}
};

/** What one pass finds in its source. */
struct Plan {
  /** Whole processes first, then threads. */
  std::vector<Target> targets;
  /** Tasks that this PID namespace does not see, and so cannot name. */
  int32_t foreign = 0;
};

/**
 * Lists a v1 cgroup: its whole processes, and the single threads of those that are only partly in it. Unless `exactly`,
 * a process of more than one thread may stand there thread by thread.
 */
Failure planV1(const Beneath &hierarchy, const Proc &proc, const std::string &cgroup, bool exactly, Plan &plan);

/** Lists a v2 cgroup: its processes or, where it is threaded, its threads. */
Failure planV2(const Beneath &hierarchy, const std::string &cgroup, Plan &plan);

/** Path of a file in a cgroup; '' is the hierarchy's root. */
std::string fileIn(const std::string &cgroup, const char *file);

}  // namespace vfio_isolate
