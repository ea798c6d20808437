#pragma once

#include <string>

#include "unique_fd.h"

namespace vfio_isolate {

/** An open descriptor, or the errno that refused it. */
struct Opened {
  UniqueFd fd{};
  int error = 0;
};

/**
 * Opens a path that must lie beneath a directory and on its mount, following no link: an absolute path and a `..` are
 * EXDEV, a link is ELOOP, another mount is EXDEV. See openat2(2), and path_resolution(7) for the fallback's steps.
 */
Opened openBeneath(int directory, const std::string &relative, int flags);

}  // namespace vfio_isolate
