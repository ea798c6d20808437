#pragma once

#include <cstdint>

namespace vfio_isolate {

/** Two cells shared with JavaScript while a call runs: [0] asks it to stop, [1] counts the tasks dealt with. */
class Control {
 public:
  Control() = default;
  explicit Control(int32_t *cells) : cells_(cells) {}

  bool cancelled() const { return __atomic_load_n(&cells_[0], __ATOMIC_RELAXED) != 0; }
  void advance() const { __atomic_fetch_add(&cells_[1], 1, __ATOMIC_RELAXED); }

 private:
  int32_t *cells_ = nullptr;
};

}  // namespace vfio_isolate
