#include "proc.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <optional>

#include "io.h"

namespace vfio_isolate {
namespace {

constexpr size_t kNameSize = 32;
constexpr size_t kTidSize = 11;

/** Fields of /proc/TID/stat, counted from `state`, the first one after the name. */
constexpr int kState = 0;
constexpr int kParent = 1;
constexpr int kFlags = 6;
constexpr int kThreads = 17;
constexpr int kStart = 19;

/** `TID/file`, relative to procfs. */
class TaskPath {
 public:
  TaskPath(int32_t tid, const char *file) {
    char *end = std::to_chars(text_.data(), text_.data() + kTidSize, tid).ptr;
    *end++ = '/';
    const std::string_view name(file);
    name.copy(end, kNameSize - static_cast<size_t>(end - text_.data()) - 1);
  }
  const char *c_str() const { return text_.data(); }

 private:
  std::array<char, kNameSize> text_{};
};

/** Takes the next field off the front. */
std::string_view nextField(std::string_view &line) {
  const std::string_view field = line.substr(0, line.find(' '));
  line.remove_prefix(field.size() < line.size() ? field.size() + 1 : field.size());
  return field;
}

template <typename Number>
bool parseNumber(std::string_view field, Number &number) {
  const char *end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, number);
  return error == std::errc() && stop == end;
}

bool parseField(int index, std::string_view field, TaskStat &stat) {
  switch (index) {
    case kState:
      stat.state = field.empty() ? '\0' : field.front();
      return field.size() == 1;
    case kParent:
      return parseNumber(field, stat.ppid);
    case kFlags:
      return parseNumber(field, stat.flags);
    case kThreads:
      return parseNumber(field, stat.threads);
    case kStart:
      return parseNumber(field, stat.start);
    default:
      return true;
  }
}

/** Entries of getdents64(2); glibc has no declaration of it. */
struct Dirent64 {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name;
};

/** What follows a key of /proc/TID/status on its line; nothing where the key is missing. */
std::string_view valueOf(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + key.size());
  return rest.substr(0, rest.find('\n'));
}

/** Whether a comma-separated list of controllers names cpuset. */
bool namesCpuset(std::string_view controllers) {
  for (;;) {
    const size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == "cpuset") return true;
    if (comma == std::string_view::npos) return false;
    controllers.remove_prefix(comma + 1);
  }
}

/** The path that a line `ID:CONTROLLERS:PATH` of /proc/TID/cgroup names, where it is the hierarchy asked for. */
std::optional<std::string_view> cgroupPath(std::string_view line, int version) {
  const size_t first = line.find(':');
  const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view controllers = line.substr(first + 1, second - first - 1);
  const bool wanted = version == 2 ? line.substr(0, first) == "0" && controllers.empty() : namesCpuset(controllers);
  if (!wanted) return std::nullopt;
  return line.substr(second + 1);
}

}  // namespace

bool isGone(int error) { return error == ENOENT || error == ESRCH; }

bool parseStat(std::string_view line, TaskStat &stat) {
  // The name may hold spaces and parentheses; what follows it never holds a parenthesis.
  const size_t open = line.find('(');
  const size_t close = line.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return false;
  stat.comm = line.substr(open + 1, close - open - 1);
  line.remove_prefix(close + 1);
  if (line.empty() || line.front() != ' ') return false;
  line.remove_prefix(1);
  for (int index = 0; index <= kStart; ++index) {
    if (!parseField(index, nextField(line), stat)) return false;
  }
  return true;
}

Result<Proc> Proc::open(const std::string &path) {
  Proc proc;
  proc.path_ = path;
  proc.fd_.reset(retried([&] { return ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); }));
  if (!proc.fd_) return {{}, {errno, "open", path}};
  return {std::move(proc), {}};
}

std::string Proc::pathOf(int32_t tid, const char *file) const { return path_ + '/' + TaskPath(tid, file).c_str(); }

int Proc::stat(int32_t tid, TaskStat &stat) const {
  const TaskPath path(tid, "stat");
  const UniqueFd fd(retried([&] { return openat(fd_.get(), path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd) return errno;
  const ssize_t got = retried([&] { return read(fd.get(), stat.text.data(), stat.text.size()); });
  if (got < 0) return errno;
  return parseStat({stat.text.data(), static_cast<size_t>(got)}, stat) ? 0 : EBADMSG;
}

int Proc::threadCount(int32_t tid, int32_t &count) const {
  const TaskPath path(tid, "task");
  struct statx got {};
  const auto call = [&] { return syscall(SYS_statx, fd_.get(), path.c_str(), 0, STATX_NLINK, &got); };
  if (retried(call) < 0) return errno;
  count = static_cast<int32_t>(got.stx_nlink) - 2;
  return 0;
}

int Proc::threads(int32_t pid, std::vector<int32_t> &tids) const {
  return readNumbers(TaskPath(pid, "task").c_str(), tids);
}

int Proc::processes(std::vector<int32_t> &pids) const { return readNumbers(".", pids); }

/** The names in a directory that are numbers. */
int Proc::readNumbers(const char *directory, std::vector<int32_t> &numbers) const {
  const UniqueFd fd(retried([&] { return openat(fd_.get(), directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd) return errno;
  alignas(Dirent64) std::array<char, 32768> entries;
  for (;;) {
    const long got = syscall(SYS_getdents64, fd.get(), entries.data(), entries.size());
    if (got <= 0) return got < 0 ? errno : 0;
    for (long at = 0; at < got;) {
      const char *entry = entries.data() + at;
      int32_t number = 0;
      if (parseNumber(std::string_view(entry + offsetof(Dirent64, name)), number)) numbers.push_back(number);
      at += reinterpret_cast<const Dirent64 *>(entry)->length;
    }
  }
}

int Proc::readFile(int32_t tid, const char *file, std::string &text) const {
  const TaskPath path(tid, file);
  const UniqueFd fd(retried([&] { return openat(fd_.get(), path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd) return errno;
  text.clear();
  return readWhole(fd.get(), text);
}

int Proc::threadGroup(int32_t tid, int32_t &tgid) const {
  std::string text;
  if (const int error = readFile(tid, "status", text); error != 0) return error;
  return parseNumber(valueOf(text, "\nTgid:\t"), tgid) ? 0 : EBADMSG;
}

int Proc::name(int32_t tid, std::string &comm) const {
  const TaskPath path(tid, "comm");
  const UniqueFd fd(retried([&] { return openat(fd_.get(), path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd) return errno;
  // The kernel tells all of it at once, and no more than 64 bytes (proc_task_name()).
  std::array<char, 80> text;
  const ssize_t got = retried([&] { return read(fd.get(), text.data(), text.size()); });
  if (got < 0) return errno;
  // It ends with a line feed; the name itself may have some.
  comm.assign(text.data(), static_cast<size_t>(std::max<ssize_t>(got - 1, 0)));
  return 0;
}

int Proc::user(int32_t tid, uint32_t &uid) const {
  std::string text;
  if (const int error = readFile(tid, "status", text); error != 0) return error;
  // Real, effective, saved, file system.
  std::string_view users = valueOf(text, "\nUid:\t");
  users.remove_prefix(std::min(users.size(), users.find('\t') + 1));
  return parseNumber(users.substr(0, users.find('\t')), uid) ? 0 : EBADMSG;
}

int Proc::cgroup(int32_t tid, int version, std::string &path) const {
  std::string text;
  if (const int error = readFile(tid, "cgroup", text); error != 0) return error;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : line.size());
    if (const auto found = cgroupPath(line, version)) {
      path = *found;
      return 0;
    }
  }
  return ENODATA;
}

}  // namespace vfio_isolate
