#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vfio_isolate {

/** Little-endian bitmap, bit i of byte floor(i/8) is CPU i. */
using CpuMask = std::vector<uint8_t>;

/** Kernel thread ID of the caller. */
int32_t callerTid();

/** Both return an errno, or 0. The mask has the kernel's own size. */
int getAffinity(int32_t tid, CpuMask &mask);
int setAffinity(int32_t tid, const uint8_t *mask, size_t size);

/** Reads into a row of a size that an earlier getAffinity() found. */
int getAffinityRow(int32_t tid, uint8_t *row, size_t size);

/** `0-3,8`, for messages. */
std::string cpuList(const uint8_t *mask, size_t size);

}  // namespace vfio_isolate
