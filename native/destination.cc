#include "destination.h"

#include <fcntl.h>

#include <array>

#include "io.h"

namespace vfio_isolate {
namespace {

constexpr size_t kDigits = 10;

/**
 * Puts a number at the end of a text, and returns where it begins. std::to_chars(), compiled for size, would divide,
 * which takes one per cent of a move.
 */
size_t putDecimal(std::array<char, kDigits> &text, uint32_t number) {
  size_t at = kDigits;
  do {
    // A tenth, rounded down, of any 32 bits.
    const auto tenth = static_cast<uint32_t>((uint64_t{number} * 0xcccccccd) >> 35);
    text[--at] = static_cast<char>('0' + (number - tenth * 10));
    number = tenth;
  } while (number != 0);
  return at;
}

}  // namespace

Failure Destination::prepare(bool group) {
  UniqueFd &fd = group ? group_ : thread_;
  if (fd) return {};
  const char *list = group ? "cgroup.procs" : version_ == 1 ? "tasks" : "cgroup.threads";
  return hierarchy_.openFile(fileIn(cgroup_, list), O_WRONLY, fd);
}

int Destination::take(const Target &target) {
  std::array<char, kDigits> text;
  const size_t begin = putDecimal(text, static_cast<uint32_t>(target.id));
  const int fd = goesAsGroup(target) ? group_.get() : thread_.get();
  return writeAgain(fd, {text.data() + begin, kDigits - begin});
}

}  // namespace vfio_isolate
