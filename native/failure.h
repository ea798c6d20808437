#pragma once

#include <optional>
#include <string>
#include <utility>

namespace vfio_isolate {

/** A refused system call. An error of 0 is success, so that a function may simply return one. */
struct [[nodiscard]] Failure {
  int error = 0;
  const char *syscall = "";
  /** Empty where the call has none. */
  std::string path{};
  /** The value that was being written. */
  std::optional<std::string> value{};

  explicit operator bool() const { return error != 0; }
};

template <typename T>
struct Result {
  T value{};
  Failure failure{};
};

}  // namespace vfio_isolate
