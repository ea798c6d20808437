#include "beneath.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "io.h"

namespace vfio_isolate {
namespace {

constexpr mode_t kDirectoryMode = 0755;

/** The directory that holds a name, and the name. */
struct Entry {
  UniqueFd parent{};
  std::string name{};
  int error = 0;
};

Entry findEntry(int directory, const std::string &relative) {
  const size_t end = relative.find_last_not_of('/');
  if (end == std::string::npos) return {UniqueFd(), "", relative.empty() ? ENOENT : EXDEV};
  const std::string path = relative.substr(0, end + 1);
  const size_t cut = path.rfind('/');
  std::string name = cut == std::string::npos ? path : path.substr(cut + 1);
  // The kernel would take these for the directory itself and for the one above it.
  if (name == ".") return {UniqueFd(), "", EINVAL};
  if (name == ".." || cut == 0) return {UniqueFd(), "", EXDEV};
  Opened parent = openBeneath(directory, cut == std::string::npos ? "." : path.substr(0, cut), O_PATH | O_DIRECTORY);
  return {std::move(parent.fd), std::move(name), parent.error};
}

}  // namespace

Result<Beneath> Beneath::open(const std::string &path, std::optional<uint32_t> type) {
  Beneath opened;
  opened.path_ = path;
  opened.fd_.reset(retried([&] { return ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); }));
  if (!opened.fd_) return {{}, {errno, "open", path}};
  if (type) {
    struct statfs got {};
    if (retried([&] { return fstatfs(opened.fd_.get(), &got); }) < 0) return {{}, {errno, "statfs", path}};
    if (static_cast<uint32_t>(got.f_type) != *type) return {{}, {EXDEV, "statfs", path}};
  }
  return {std::move(opened), {}};
}

Result<Beneath> Beneath::duplicate() const {
  Beneath copy;
  copy.path_ = path_;
  copy.fd_.reset(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.fd_) return {{}, {errno, "fcntl", path_}};
  return {std::move(copy), {}};
}

Failure Beneath::failed(int error, const char *syscall, const std::string &relative) const {
  if (error == 0) return {};
  return {error, syscall, path_.back() == '/' ? path_ + relative : path_ + '/' + relative};
}

Failure Beneath::openFile(const std::string &relative, int flags, UniqueFd &fd) const {
  Opened opened = openBeneath(fd_.get(), relative, flags);
  fd = std::move(opened.fd);
  return failed(opened.error, "open", relative);
}

Result<std::string> Beneath::read(const std::string &relative) const {
  UniqueFd fd;
  if (Failure failure = openFile(relative, O_RDONLY, fd)) return {{}, std::move(failure)};
  std::string text;
  const int error = readWhole(fd.get(), text);
  return {std::move(text), failed(error, "read", relative)};
}

Failure Beneath::write(const std::string &relative, const std::string &value) const {
  UniqueFd fd;
  // Kernel files take no notice of O_TRUNC; a file of a tree that stands in for a host must end where the value ends.
  Failure failure = openFile(relative, O_WRONLY | O_TRUNC, fd);
  if (!failure) failure = failed(writeOnce(fd.get(), value), "write", relative);
  if (failure) failure.value = value;
  return failure;
}

Failure Beneath::makeDirectory(const std::string &relative) const {
  const Entry entry = findEntry(fd_.get(), relative);
  if (entry.error != 0) return failed(entry.error, "mkdir", relative);
  const int made = retried([&] { return mkdirat(entry.parent.get(), entry.name.c_str(), kDirectoryMode); });
  return made < 0 ? failed(errno, "mkdir", relative) : Failure{};
}

Failure Beneath::removeDirectory(const std::string &relative) const {
  const Entry entry = findEntry(fd_.get(), relative);
  if (entry.error != 0) return failed(entry.error, "rmdir", relative);
  const int removed = retried([&] { return unlinkat(entry.parent.get(), entry.name.c_str(), AT_REMOVEDIR); });
  return removed < 0 ? failed(errno, "rmdir", relative) : Failure{};
}

}  // namespace vfio_isolate
