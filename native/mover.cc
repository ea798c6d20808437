#include "mover.h"

#include <array>
#include <cerrno>
#include <ctime>

namespace vfio_isolate {
namespace {

/** Pauses before what may be a passing refusal is tried again: at most 100 ms a pass. */
constexpr std::array<long, 5> kPausesMs = {1, 4, 10, 25, 60};

/** The kernel's own thread that starts all others. */
constexpr int32_t kThreaddTid = 2;

/** So many refusals of one kind before anything has moved are the destination's doing. */
constexpr int kHopeless = 16;

void pauseMs(long milliseconds) {
  const timespec pause{0, milliseconds * 1'000'000};
  nanosleep(&pause, nullptr);
}

/** EINVAL: a thread that is still being forked, or a real-time one without a budget. EBUSY: deadline bandwidth. */
bool mayPass(int error) { return error == EINVAL || error == EBUSY; }

/** Per-CPU kernel threads and kthreadd never move. */
bool neverMoves(int32_t tid, const TaskStat &stat) {
  return (stat.flags & kNoSetAffinity) != 0 || (tid == kThreaddTid && stat.isKernelThread());
}

/** EINVAL is the task's own; ENOSPC an empty mask, EBUSY controllers enabled below, EOPNOTSUPP an invalid domain. */
bool isAboutDestination(int error) {
  return error == ENOSPC || error == EACCES || error == EPERM || error == EBUSY || error == EOPNOTSUPP;
}

}  // namespace

Refusal describeRefusal(const Proc &proc, int32_t tid, int error) {
  TaskStat stat;
  if (tid == 0 || proc.stat(tid, stat) != 0) return {tid, error, 0, ""};
  return {tid, error, stat.flags, std::string(stat.comm)};
}

Mover::Mover(const MoveRequest &request, Control control, MoveOutcome &outcome)
    : request_(request),
      control_(control),
      outcome_(outcome),
      destination_(request.hierarchy, request.version, request.to) {
  if (!request.from) destination_.alwaysAsGroup();
}

Failure Mover::prepare(const std::vector<Target> &targets) {
  bool needed[2] = {false, false};
  for (const Target &target : targets) needed[destination_.goesAsGroup(target) ? 1 : 0] = true;
  for (const bool group : {false, true}) {
    if (!needed[group ? 1 : 0]) continue;
    if (Failure failure = destination_.prepare(group)) return failure;
  }
  return {};
}

void Mover::move(std::vector<Target> &targets) {
  for (size_t index = 0; index < targets.size(); ++index) {
    Target &target = targets[index];
    if (target.id == 0) continue;
    if (control_.cancelled()) break;
    const int error = destination_.take(target);
    control_.advance();
    if (error == 0) {
      succeed(target);
    } else if (fail(target, error)) {
      refuseRest(targets, index + 1);
      break;
    }
  }
  retryWaiting();
  outcome_.cancelled = control_.cancelled();
}

/** Returns whether the rest would fail as well. */
bool Mover::fail(Target &target, int error) {
  streak_ = error == lastError_ ? streak_ + 1 : 1;
  lastError_ = error;
  settle(target, error);
  return isHopeless();
}

void Mover::settle(Target &target, int error) {
  if (error == 0) {
    succeed(target);
  } else if (error == ESRCH) {
    lose();
  } else if (mayPass(error)) {
    wait(target, error);
  } else {
    refuse(target.id, error);
  }
}

void Mover::wait(Target &target, int error) {
  TaskStat stat;
  const int unread = request_.proc.stat(target.id, stat);
  if (isGone(unread)) {
    lose();
  } else if (unread != 0 || neverMoves(target.id, stat)) {
    refuse(target.id, error);
  } else {
    waiting_.push_back({&target, error});
  }
}

void Mover::retryWaiting() {
  for (const long pause : kPausesMs) {
    if (waiting_.empty() || control_.cancelled()) break;
    pauseMs(pause);
    retryOnce();
  }
  for (const Waiting &waiting : waiting_) {
    if (!control_.cancelled()) refuse(waiting.target->id, waiting.error);
  }
  waiting_.clear();
}

void Mover::retryOnce() {
  std::vector<Waiting> still;
  for (const Waiting &waiting : waiting_) {
    const int error = control_.cancelled() ? waiting.error : destination_.take(*waiting.target);
    if (mayPass(error)) {
      still.push_back({waiting.target, error});
    } else {
      settle(*waiting.target, error);
    }
  }
  waiting_ = std::move(still);
}

/** Whether to spare the kernel the rest: each write takes a global lock. */
bool Mover::isHopeless() {
  if (lastError_ == ENODEV) return true;
  if (outcome_.moved != 0 || streak_ < kHopeless || !isAboutDestination(lastError_)) return false;
  streak_ = 0;
  retryWaiting();
  return outcome_.moved == 0;
}

void Mover::refuseRest(std::vector<Target> &targets, size_t from) {
  stopped_ = true;
  for (size_t index = from; index < targets.size() && !control_.cancelled(); ++index) {
    if (targets[index].id != 0) refuse(targets[index].id, lastError_);
    control_.advance();
  }
}

void Mover::refuse(int32_t tid, int error) {
  settled_.insert(tid);
  outcome_.refused.push_back(describeRefusal(request_.proc, tid, error));
}

void Mover::abandon(int32_t tid) {
  settled_.insert(tid);
  lose();
}

void Mover::leave(int32_t tid, const TaskStat &stat) {
  settled_.insert(tid);
  outcome_.left.push_back({tid, 0, stat.flags, std::string(stat.comm)});
}

}  // namespace vfio_isolate
