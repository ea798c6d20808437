#pragma once

#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>

namespace vfio_isolate {

/** Enough for the kernel to fill page after page in one call. */
constexpr size_t kReadSize = size_t{64} * 1024;

/** Repeats a system call that a signal interrupted. */
template <typename Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/** Appends all that is left to read. Returns an errno, or 0. */
int readWhole(int fd, std::string &text);

/**
 * Writes the whole value by one write(2), because a kernel file takes each call for a value of its own. A short write
 * is EIO. Returns an errno, or 0.
 */
int writeOnce(int fd, std::string_view value);

}  // namespace vfio_isolate
