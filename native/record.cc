#include "record.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "io.h"

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 0x0001U
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace vfio_isolate {
namespace {

/** A full disk takes what fits and says why only when asked for the rest. */
int reasonOfShortWrite(int fd, int64_t offset, std::string_view rest) {
  return retried([&] { return pwrite(fd, rest.data(), rest.size(), offset); }) < 0 ? errno : EIO;
}

Failure writeAt(int fd, int64_t offset, std::string_view data) {
  const ssize_t put = retried([&] { return pwrite(fd, data.data(), data.size(), offset); });
  if (put < 0) return {errno, "pwrite"};
  const auto done = static_cast<size_t>(put);
  if (done == data.size()) return {};
  return {reasonOfShortWrite(fd, offset + put, data.substr(done)), "pwrite"};
}

}  // namespace

Failure tryLock(int fd, bool &held) {
  held = retried([&] { return flock(fd, LOCK_EX | LOCK_NB); }) == 0;
  if (held || errno == EWOULDBLOCK) return {};
  return {errno, "flock"};
}

Failure appendDurably(int fd, int64_t offset, std::string_view data) {
  Failure failure = writeAt(fd, offset, data);
  if (!failure && retried([&] { return fdatasync(fd); }) < 0) failure = {errno, "fdatasync"};
  // The first error is the one to report, whatever becomes of this.
  if (failure) retried([&] { return ftruncate(fd, offset); });
  return failure;
}

Failure createMemoryFile(int &fd) {
  const auto create = [&](unsigned flags) {
    return static_cast<int>(syscall(SYS_memfd_create, "vfio-isolate", flags));
  };
  fd = create(MFD_CLOEXEC | MFD_NOEXEC_SEAL);
  // EINVAL: before 6.3 there is no such seal; from 6.3 on the kernel complains of a file without.
  if (fd < 0 && errno == EINVAL) fd = create(MFD_CLOEXEC);
  return fd < 0 ? Failure{errno, "memfd_create"} : Failure{};
}

}  // namespace vfio_isolate
