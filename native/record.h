#pragma once

#include <cstdint>
#include <string_view>

#include "failure.h"

namespace vfio_isolate {

/** flock(2) LOCK_EX without waiting; `held` is false where another open file has it. */
Failure tryLock(int fd, bool &held);

/**
 * Writes at an offset and makes it durable before returning. Whatever fails, a short write included, the file is cut
 * back to the offset, so that its length stays that of its whole lines.
 */
Failure appendDurably(int fd, int64_t offset, std::string_view data);

/** memfd_create(2). */
Failure createMemoryFile(int &fd);

}  // namespace vfio_isolate
