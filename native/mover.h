#pragma once

#include <unordered_set>
#include <vector>

#include "control.h"
#include "destination.h"
#include "migrate.h"

namespace vfio_isolate {

/** Writes targets into their destination and sorts out what the kernel answers. */
class Mover {
 public:
  Mover(const MoveRequest &request, Control control, MoveOutcome &outcome);

  /** Opens what these targets need. Nothing is moved before that. */
  Failure prepare(const std::vector<Target> &targets);
  /** One pass. Targets of ID 0 are passed over. */
  void move(std::vector<Target> &targets);

  /** Tasks that stay; later passes leave them alone. */
  void refuse(int32_t tid, int error);
  void leave(int32_t tid, const TaskStat &stat);
  void lose() { ++outcome_.gone; }
  /** As good as gone, but still listed. */
  void abandon(int32_t tid);
  bool isSettled(int32_t tid) const { return settled_.count(tid) != 0; }
  bool anySettled() const { return !settled_.empty(); }

  /** The destination takes nothing at all. */
  bool stopped() const { return stopped_; }

 private:
  struct Waiting {
    Target *target;
    int error;
  };

  bool fail(Target &target, int error);
  void settle(Target &target, int error);
  void succeed(Target &target) {
    target.moved = 1;
    outcome_.moved += target.threads;
  }
  void wait(Target &target, int error);
  void retryWaiting();
  void retryOnce();
  bool isHopeless();
  void refuseRest(std::vector<Target> &targets, size_t from);

  const MoveRequest &request_;
  const Control control_;
  MoveOutcome &outcome_;
  Destination destination_;
  std::vector<Waiting> waiting_;
  std::unordered_set<int32_t> settled_;
  int lastError_ = 0;
  int streak_ = 0;
  bool stopped_ = false;
};

}  // namespace vfio_isolate
