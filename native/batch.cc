#include "batch.h"

#include <array>
#include <charconv>

#include "crc32.h"

namespace vfio_isolate {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kChecksum = R"({"crc":"00000000",)";
constexpr size_t kChecksumAt = kChecksum.find("00000000");
constexpr size_t kChecksumDigits = 8;
constexpr size_t kRoomForRest = 128;

/** Length of the UTF-8 sequence that a byte begins, 0 where it begins none. */
size_t sequenceLength(uint8_t byte) {
  if (byte < 0x80) return 1;
  if (byte >= 0xc2 && byte <= 0xdf) return 2;
  if (byte >= 0xe0 && byte <= 0xef) return 3;
  return byte >= 0xf0 && byte <= 0xf4 ? 4 : 0;
}

/** The range of the second byte leaves out overlong forms, surrogates and what lies beyond U+10FFFF. */
bool isSecondByte(uint8_t first, uint8_t second) {
  const uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high;
}

bool isSequence(std::string_view bytes) {
  const auto at = [&](size_t index) { return static_cast<uint8_t>(bytes[index]); };
  if (bytes.size() > 1 && !isSecondByte(at(0), at(1))) return false;
  for (size_t index = 2; index < bytes.size(); ++index) {
    if ((at(index) & 0xc0) != 0x80) return false;
  }
  return true;
}

bool isControl(char byte) { return static_cast<uint8_t>(byte) < 0x20 || byte == 0x7f; }

}  // namespace

bool isPlain(std::string_view name) {
  while (!name.empty()) {
    const size_t length = sequenceLength(static_cast<uint8_t>(name.front()));
    if (isControl(name.front()) || length == 0 || length > name.size() || !isSequence(name.substr(0, length)))
      return false;
    name.remove_prefix(length);
  }
  return true;
}

void appendJson(std::string &out, std::string_view text) {
  out += '"';
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += byte;
    } else if (static_cast<uint8_t>(byte) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<uint8_t>(byte) >> 4];
      out += kHex[static_cast<uint8_t>(byte) & 0xf];
    } else {
      out += byte;
    }
  }
  out += '"';
}

void Batch::add(std::string &list, int32_t id, uint64_t start) {
  // `,[` and at most 11 characters, `,` and at most 20, `]`
  std::array<char, 40> pair;
  char *at = pair.data();
  if (!list.empty()) *at++ = ',';
  *at++ = '[';
  at = std::to_chars(at, at + 11, id).ptr;
  *at++ = ',';
  at = std::to_chars(at, at + 20, start).ptr;
  *at++ = ']';
  list.append(pair.data(), static_cast<size_t>(at - pair.data()));
}

void Batch::appendTo(std::string &out, std::string_view members) const {
  const size_t begin = out.size();
  out.reserve(begin + members.size() + origin_.size() + processes_.size() + threads_.size() + kRoomForRest);
  out += kChecksum;
  out += members;
  out += R"(,"from":)";
  appendJson(out, origin_);
  out += R"(,"processes":[)";
  out += processes_;
  out += R"(],"threads":[)";
  out += threads_;
  out += "]}";
  uint32_t crc = crc32(std::string_view(out).substr(begin + kChecksum.size()));
  for (size_t digit = kChecksumDigits; digit-- > 0; crc >>= 4) out[begin + kChecksumAt + digit] = kHex[crc & 0xf];
  out += '\n';
}

}  // namespace vfio_isolate
