#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vfio_isolate {

/** Whether a record can hold this name of a cgroup: UTF-8 without control characters, which no path in it may have. */
bool isPlain(std::string_view name);

/** Appends a JSON string. The text must be UTF-8. */
void appendJson(std::string &out, std::string_view text);

/** Tasks of one origin: a line of the record. */
class Batch {
 public:
  explicit Batch(std::string origin) : origin_(std::move(origin)) {}

  const std::string &origin() const { return origin_; }
  bool empty() const { return processes_.empty() && threads_.empty(); }
  void addProcess(int32_t pid, uint64_t start) { add(processes_, pid, start); }
  void addThread(int32_t tid, uint64_t start) { add(threads_, tid, start); }
  /** Appends the line: its checksum, the members given, the origin, and `[ID,START]` pairs of two kinds. */
  void appendTo(std::string &out, std::string_view members) const;

 private:
  static void add(std::string &list, int32_t id, uint64_t start);

  std::string origin_;
  std::string processes_;
  std::string threads_;
};

}  // namespace vfio_isolate
