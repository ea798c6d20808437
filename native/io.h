#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_isolate {

/** seq_file(9) gives a page a call at most; more room would only have to be cleared each time. */
constexpr size_t kReadSize = 4096;

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

/**
 * The same for a file that is held open and written to again and again, by pwrite(2): a process of several threads need
 * not lock the file's position for it, which costs 1 to 2 per cent of a move. Kernel files pay no heed to the offset.
 */
int writeAgain(int fd, std::string_view value);

/**
 * Writes as much as can be written without waiting for a reader (pwritev2(2), RWF_NOWAIT): nothing where the kernel or
 * the kind of file cannot tell. Returns the number of bytes.
 */
size_t writeWithoutWaiting(int fd, std::vector<uint8_t> &bytes);

}  // namespace vfio_isolate
