#pragma once

#include <cstdint>
#include <string_view>

namespace vfio_isolate {

/** CRC-32 with zlib's polynomial, so that Node's `zlib.crc32` agrees. */
uint32_t crc32(std::string_view bytes);

}  // namespace vfio_isolate
