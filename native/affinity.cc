#include "affinity.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "io.h"

namespace vfio_isolate {
namespace {

/** 1,024 CPUs, the size of glibc's cpu_set_t. */
constexpr size_t kFirstSize = 128;
constexpr size_t kLargestSize = size_t{1} << 20;

/** The bytes that the kernel filled, or -1. */
long callGet(int32_t tid, uint8_t *mask, size_t size) { return syscall(SYS_sched_getaffinity, tid, size, mask); }

}  // namespace

// glibc has a wrapper only from 2.30 on.
int32_t callerTid() { return static_cast<int32_t>(syscall(SYS_gettid)); }

int getAffinity(int32_t tid, CpuMask &mask) {
  for (size_t size = kFirstSize; size <= kLargestSize; size *= 2) {
    mask.assign(size, 0);
    const long filled = callGet(tid, mask.data(), size);
    if (filled >= 0) {
      mask.resize(static_cast<size_t>(filled));
      return 0;
    }
    // EINVAL: the kernel knows more CPUs than the mask has bits.
    if (errno != EINVAL) return errno;
  }
  return EINVAL;
}

int getAffinityRow(int32_t tid, uint8_t *row, size_t size) { return callGet(tid, row, size) < 0 ? errno : 0; }

int setAffinity(int32_t tid, const uint8_t *mask, size_t size) {
  return retried([&] { return syscall(SYS_sched_setaffinity, tid, size, mask); }) < 0 ? errno : 0;
}

std::string cpuList(const uint8_t *mask, size_t size) {
  const auto has = [&](size_t cpu) { return cpu / 8 < size && (mask[cpu / 8] >> (cpu % 8) & 1) != 0; };
  std::string list;
  for (size_t cpu = 0; cpu < size * 8; ++cpu) {
    if (!has(cpu)) continue;
    const size_t first = cpu;
    while (has(cpu + 1)) ++cpu;
    if (!list.empty()) list += ',';
    list += std::to_string(first);
    if (cpu > first) list += '-' + std::to_string(cpu);
  }
  return list;
}

}  // namespace vfio_isolate
