#include "task_list.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <memory>

#include "io.h"

namespace vfio_isolate {
namespace {

/** Puts numbers together from text that comes in pieces. */
class Parser {
 public:
  explicit Parser(TaskList &list) : list_(list) {}

  /** False where the text is no list of TIDs. */
  bool take(std::string_view text) {
    for (const char byte : text) {
      if (byte == '\n') {
        finish();
      } else if (!digit(byte)) {
        return false;
      }
    }
    return true;
  }

  void finish() {
    if (!any_) return;
    if (number_ > 0) {
      list_.ids.push_back(static_cast<int32_t>(number_));
    } else {
      ++list_.foreign;
    }
    number_ = 0;
    any_ = false;
  }

 private:
  bool digit(char byte) {
    if (byte < '0' || byte > '9') return false;
    number_ = number_ * 10 + (byte - '0');
    any_ = true;
    return number_ <= std::numeric_limits<int32_t>::max();
  }

  TaskList &list_;
  int64_t number_ = 0;
  bool any_ = false;
};

}  // namespace

Failure readTaskList(const Beneath &hierarchy, const std::string &relative, TaskList &list) {
  list.ids.clear();
  list.foreign = 0;
  UniqueFd fd;
  if (Failure failure = hierarchy.openFile(relative, O_RDONLY, fd)) return failure;
  const auto buffer = std::make_unique<char[]>(kReadSize);
  Parser parser(list);
  for (;;) {
    const ssize_t got = retried([&] { return read(fd.get(), buffer.get(), kReadSize); });
    if (got < 0) return hierarchy.failed(errno, "read", relative);
    if (got == 0) break;
    if (!parser.take({buffer.get(), static_cast<size_t>(got)})) return hierarchy.failed(EBADMSG, "read", relative);
  }
  parser.finish();
  return {};
}

}  // namespace vfio_isolate
