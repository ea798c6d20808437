#include "io.h"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace vfio_isolate {

int readWhole(int fd, std::string &text) {
  for (;;) {
    const size_t length = text.size();
    text.resize(length + kReadSize);
    const ssize_t got = retried([&] { return read(fd, text.data() + length, kReadSize); });
    text.resize(length + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got <= 0) return got < 0 ? errno : 0;
  }
}

namespace {

/** RWF_NOWAIT of linux/fs.h. */
constexpr int kNoWait = 8;

int errorOf(ssize_t put, std::string_view value) {
  if (put < 0) return errno;
  return static_cast<size_t>(put) == value.size() ? 0 : EIO;
}

}  // namespace

int writeOnce(int fd, std::string_view value) {
  return errorOf(retried([&] { return write(fd, value.data(), value.size()); }), value);
}

int writeAgain(int fd, std::string_view value) {
  return errorOf(retried([&] { return pwrite(fd, value.data(), value.size(), 0); }), value);
}

size_t writeWithoutWaiting(int fd, std::vector<uint8_t> &bytes) {
  const iovec part{bytes.data(), bytes.size()};
  // By its number, since musl has it from 1.2.5 on only. Both halves of the offset are -1: the file's own position.
  const auto put = retried([&] { return syscall(SYS_pwritev2, fd, &part, 1L, -1L, -1L, kNoWait); });
  return put > 0 ? static_cast<size_t>(put) : 0;
}

}  // namespace vfio_isolate
