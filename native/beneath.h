#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "failure.h"
#include "resolve.h"

namespace vfio_isolate {

/** A directory held open, with operations strictly beneath it: no link is followed, no mount entered. */
class Beneath {
 public:
  /** Where a type is given, statfs(2) must confirm it, else EXDEV. */
  static Result<Beneath> open(const std::string &path, std::optional<uint32_t> type);

  const std::string &path() const { return path_; }
  /** The same directory, for a call that outlives this object. */
  Result<Beneath> duplicate() const;
  void close() { fd_.reset(); }

  Failure openFile(const std::string &relative, int flags, UniqueFd &fd) const;
  Result<std::string> read(const std::string &relative) const;
  Failure write(const std::string &relative, const std::string &value) const;
  Failure makeDirectory(const std::string &relative) const;
  Failure removeDirectory(const std::string &relative) const;

  Failure failed(int error, const char *syscall, const std::string &relative) const;

 private:
  UniqueFd fd_;
  std::string path_;
};

}  // namespace vfio_isolate
