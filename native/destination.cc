#include "destination.h"

#include <fcntl.h>

#include <array>
#include <charconv>

#include "io.h"

namespace vfio_isolate {

bool Destination::goesAsGroup(const Target &target) const {
  return target.whole != 0 && (version_ == 2 || always_ || target.threads > 1);
}

Failure Destination::prepare(bool group) {
  UniqueFd &fd = group ? group_ : thread_;
  if (fd) return {};
  const char *list = group ? "cgroup.procs" : version_ == 1 ? "tasks" : "cgroup.threads";
  return hierarchy_.openFile(fileIn(cgroup_, list), O_WRONLY, fd);
}

int Destination::take(const Target &target) {
  std::array<char, 16> digits;
  const char *end = std::to_chars(digits.data(), digits.data() + digits.size(), target.id).ptr;
  const int fd = goesAsGroup(target) ? group_.get() : thread_.get();
  return writeAgain(fd, {digits.data(), static_cast<size_t>(end - digits.data())});
}

}  // namespace vfio_isolate
