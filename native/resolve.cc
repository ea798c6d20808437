#include "resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <string_view>

#include "io.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif

namespace vfio_isolate {
namespace {

constexpr int kEagainTries = 100;

/** Takes the next component off the front; empty where none is left. */
std::string_view nextComponent(std::string_view &path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  const std::string_view component = path.substr(0, path.find('/'));
  path.remove_prefix(component.size());
  return component;
}

/** What openat2 would answer for most of these anyway; it allows a `..` that stays beneath, the fallback could not. */
int checkRelative(std::string_view path) {
  if (path.empty()) return ENOENT;
  if (path.front() == '/') return EXDEV;
  for (std::string_view name = nextComponent(path); !name.empty(); name = nextComponent(path)) {
    if (name == "..") return EXDEV;
  }
  return 0;
}

int callOpenat2(int directory, const std::string &relative, int flags) {
  open_how how{};
  how.flags = static_cast<uint32_t>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return static_cast<int>(syscall(SYS_openat2, directory, relative.c_str(), &how, sizeof how));
}

/** EAGAIN: somebody renamed or mounted something meanwhile, so that the kernel cannot vouch for the walk. */
Opened tryOpenat2(int directory, const std::string &relative, int flags) {
  for (int tries = 1;; ++tries) {
    const int fd = retried([&] { return callOpenat2(directory, relative, flags); });
    if (fd >= 0) return {UniqueFd(fd), 0};
    if (errno != EAGAIN || tries == kEagainTries) return {UniqueFd(), errno};
  }
}

/** Old kernels lack openat2 (ENOSYS), and seccomp filters of containers refuse it in one of these ways. */
bool mayBeRefusedAltogether(int error) { return error == ENOSYS || error == EPERM || error == EINVAL; }

/** Where a descriptor lies: a bind mount of the same file system differs in the mount only. */
struct Place {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint64_t mount = 0;
  uint16_t mode = 0;

  bool onSameMount(const Place &other) const {
    return major == other.major && minor == other.minor && mount == other.mount;
  }
};

int placeOf(int fd, Place &place) {
  struct statx got {};
  const auto call = [&] { return syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &got); };
  if (retried(call) < 0) return errno;
  place = {got.stx_dev_major, got.stx_dev_minor, 0, got.stx_mode};
#if defined(__GLIBC__) || defined(STATX_ATTR_MOUNT_ROOT)
  if ((got.stx_mask & STATX_MNT_ID) != 0) place.mount = got.stx_mnt_id;
#endif
  return 0;
}

int openOne(int directory, std::string_view name, int flags) {
  const std::string terminated(name);
  return retried([&] { return openat(directory, terminated.c_str(), flags | O_NOFOLLOW | O_CLOEXEC); });
}

/** Opens one component and refuses what leads away: a link, another mount. */
Opened step(int directory, const Place &origin, std::string_view name, int flags) {
  UniqueFd fd(openOne(directory, name, flags));
  if (!fd) return {UniqueFd(), errno};
  Place place;
  if (const int error = placeOf(fd.get(), place); error != 0) return {UniqueFd(), error};
  if (S_ISLNK(place.mode)) return {UniqueFd(), ELOOP};
  if (!place.onSameMount(origin)) return {UniqueFd(), EXDEV};
  return {std::move(fd), 0};
}

/** The same walk component by component, where openat2 is not to be had. */
Opened walk(int directory, std::string_view path, int flags) {
  Place origin;
  if (const int error = placeOf(directory, origin); error != 0) return {UniqueFd(), error};
  Opened parent;
  int at = directory;
  std::string_view name = nextComponent(path);
  const bool mustBeDirectory = path.empty() ? false : path.back() == '/';
  for (std::string_view next = nextComponent(path); !next.empty(); next = nextComponent(path)) {
    parent = step(at, origin, name, O_PATH);
    if (parent.error != 0) return parent;
    at = parent.fd.get();
    name = next;
  }
  // Looked at first without opening it, for opening may have effects and says ENOTDIR of a link.
  Opened last = step(at, origin, name, O_PATH);
  if (last.error != 0) return last;
  return step(at, origin, name, mustBeDirectory ? flags | O_DIRECTORY : flags);
}

}  // namespace

Opened openBeneath(int directory, const std::string &relative, int flags) {
  if (const int error = checkRelative(relative); error != 0) return {UniqueFd(), error};
  Opened opened = tryOpenat2(directory, relative, flags | O_CLOEXEC);
  if (mayBeRefusedAltogether(opened.error)) return walk(directory, relative, flags);
  return opened;
}

}  // namespace vfio_isolate
