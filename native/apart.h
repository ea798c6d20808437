#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include "failure.h"

namespace vfio_isolate {

/**
 * Calls that may hang in the kernel for good, where no signal ends them. A process whose thread hangs so cannot end,
 * and whoever waits for it or for its pipes hangs too. So each is made by a process of its own: without our
 * descriptors, in its own session, and left behind if need be.
 */

/** Writes all dirty pages to disk (sync(2)). */
Result<pid_t> syncApart();

/** Writes a value by one write(2) to an open file. */
Result<pid_t> writeApart(int fd, std::string_view value);

/** How such a process has ended: an errno, 0 for success. EINTR if it was killed; nothing while it runs. */
Result<std::optional<int>> endedApart(pid_t pid);

}  // namespace vfio_isolate
