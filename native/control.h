#pragma once

#include <cstdint>

namespace vfio_isolate {

/**
 * Two cells shared with JavaScript while a call runs: [0] asks it to stop, [1] counts the tasks dealt with. Nothing
 * else counts, so that counting needs no locked instruction.
 */
class Control {
 public:
  Control() = default;
  explicit Control(int32_t *cells) : cells_(cells) {}

  // Once for each task, and a call would take as long as all that either does.
  [[gnu::always_inline]] bool cancelled() const { return __atomic_load_n(&cells_[0], __ATOMIC_RELAXED) != 0; }
  [[gnu::always_inline]] void advance() const {
    __atomic_store_n(&cells_[1], __atomic_load_n(&cells_[1], __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
  }

 private:
  int32_t *cells_ = nullptr;
};

}  // namespace vfio_isolate
