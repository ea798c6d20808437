#include "mount.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "io.h"
#include "unique_fd.h"

namespace vfio_isolate {
namespace {

/** One line of mountinfo. */
struct Mount {
  int id = 0;
  int parent = 0;
  std::string root;
  std::string point;
  std::string_view type;
  std::string_view options;
  /** Its parent is none of the list: the root, or in a chroot whatever lies within. */
  bool top = false;
};

std::string_view takeUntil(std::string_view &text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(taken.size() < text.size() ? taken.size() + 1 : taken.size());
  return taken;
}

bool isOctal(char digit) { return digit >= '0' && digit <= '7'; }

/** The kernel writes a space, tab, newline and backslash as `\040` and so on. */
std::string unescape(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    const bool escape = text[at] == '\\' && at + 3 < text.size() && isOctal(text[at + 1]) && isOctal(text[at + 2]) &&
                        isOctal(text[at + 3]);
    if (!escape) {
      plain += text[at];
      continue;
    }
    plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
    at += 3;
  }
  return plain;
}

bool parseId(std::string_view field, int &id) {
  return std::from_chars(field.data(), field.data() + field.size(), id).ec == std::errc();
}

std::optional<Mount> parseMount(std::string_view line) {
  Mount mount;
  if (!parseId(takeUntil(line, ' '), mount.id) || !parseId(takeUntil(line, ' '), mount.parent)) return std::nullopt;
  takeUntil(line, ' ');  // major:minor
  mount.root = unescape(takeUntil(line, ' '));
  mount.point = unescape(takeUntil(line, ' '));
  takeUntil(line, ' ');  // options of the mount
  while (!line.empty() && takeUntil(line, ' ') != "-") continue;
  mount.type = takeUntil(line, ' ');
  takeUntil(line, ' ');  // source
  mount.options = takeUntil(line, ' ');
  if (mount.point.empty() || mount.type.empty()) return std::nullopt;
  return mount;
}

void markTops(std::vector<Mount> &mounts) {
  std::vector<int> ids;
  ids.reserve(mounts.size());
  for (const Mount &mount : mounts) ids.push_back(mount.id);
  std::sort(ids.begin(), ids.end());
  for (Mount &mount : mounts) {
    mount.top = mount.parent == mount.id || !std::binary_search(ids.begin(), ids.end(), mount.parent);
  }
}

std::vector<Mount> parseMounts(std::string_view text) {
  std::vector<Mount> mounts;
  while (!text.empty()) {
    if (auto mount = parseMount(takeUntil(text, '\n'))) mounts.push_back(std::move(*mount));
  }
  markTops(mounts);
  return mounts;
}

bool liesAtOrBelow(std::string_view path, std::string_view above) {
  if (above == "/") return true;
  return path.substr(0, above.size()) == above && (path.size() == above.size() || path[above.size()] == '/');
}

/** The mount that a walk along a path enters next, coming from another (or from outside, where that is null). */
const Mount *enteredNext(const std::vector<Mount> &mounts, const Mount *from, std::string_view path) {
  const Mount *next = nullptr;
  for (const Mount &mount : mounts) {
    const bool here = from == nullptr ? mount.top : mount.parent == from->id && mount.id != from->id;
    if (!here || !liesAtOrBelow(path, mount.point)) continue;
    // The nearest one on the way is met first; of two in one place, the later one hides the earlier.
    if (next == nullptr || mount.point.size() <= next->point.size()) next = &mount;
  }
  return next;
}

/** Whether a path lookup of its mount point ends in this mount, as the kernel would walk. */
bool isVisible(const std::vector<Mount> &mounts, const Mount &mount) {
  const Mount *at = nullptr;
  for (size_t entered = 0; entered <= mounts.size(); ++entered) {
    const Mount *next = enteredNext(mounts, at, mount.point);
    if (next == nullptr) break;
    at = next;
  }
  return at == &mount;
}

bool isCgroup(const Mount &mount) {
  return mount.type == "cgroup" || mount.type == "cgroup2" || mount.type == "cpuset";
}

std::vector<std::string> split(std::string_view options) {
  std::vector<std::string> parts;
  while (!options.empty()) parts.emplace_back(takeUntil(options, ','));
  return parts;
}

CgroupMount describe(const Mount &mount) {
  CgroupMount described{mount.point, mount.root, 0, split(mount.options)};
  if (fileSystemType(mount.point, described.type)) described.type = 0;
  return described;
}

}  // namespace

Failure fileSystemType(const std::string &path, uint32_t &type) {
  struct statfs got {};
  if (retried([&] { return statfs(path.c_str(), &got); }) < 0) return {errno, "statfs", path};
  type = static_cast<uint32_t>(got.f_type);
  return {};
}

Failure readCgroupMounts(const std::string &mountinfo, std::vector<CgroupMount> &mounts) {
  const UniqueFd fd(retried([&] { return open(mountinfo.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd) return {errno, "open", mountinfo};
  std::string text;
  if (const int error = readWhole(fd.get(), text); error != 0) return {error, "read", mountinfo};
  const std::vector<Mount> all = parseMounts(text);
  for (const Mount &mount : all) {
    if (isCgroup(mount) && isVisible(all, mount)) mounts.push_back(describe(mount));
  }
  return {};
}

bool mountsHaveChanged(int mountinfo) {
  pollfd asked{mountinfo, POLLPRI, 0};
  // What cannot be asked may have changed.
  return retried([&] { return poll(&asked, 1, 0); }) < 0 || (asked.revents & (POLLPRI | POLLERR | POLLNVAL)) != 0;
}

}  // namespace vfio_isolate
