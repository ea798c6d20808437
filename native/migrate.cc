#include "migrate.h"

#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include "mover.h"
#include "plan.h"
#include "screen.h"

namespace vfio_isolate {
namespace {

/** A source that keeps filling faster than it is emptied must not hold us for ever. */
constexpr int kMaxPasses = 100;

/** A task that was written and is still there: a zombie, which the kernel takes but does not move, or one moved back.
 */
constexpr int kMaxReturns = 3;

class Migration {
 public:
  Migration(MoveRequest &request, Control control, MoveOutcome &outcome)
      : request_(request),
        control_(control),
        outcome_(outcome),
        mover_(request, control, outcome),
        screen_(request, control, mover_) {}

  Failure moveRows();
  Failure moveSource();

 private:
  Failure list(Plan &plan) const;
  Failure pass(std::vector<Target> &targets, const std::vector<Row> *rows);
  void dropSettled(std::vector<Target> &targets) const;
  void dropReturned(std::vector<Target> &targets);
  bool isReturnedTooOften(const Target &target);
  void giveUp(int32_t tid);

  MoveRequest &request_;
  const Control control_;
  MoveOutcome &outcome_;
  Mover mover_;
  Screen screen_;
  /** The last pass's targets; sorted where something is looked for. */
  std::vector<Target> previous_;
  std::unordered_map<int32_t, int> returns_;
};

bool byId(const Target &left, const Target &right) { return left.id < right.id; }

Failure Migration::list(Plan &plan) const {
  if (request_.version == 2) return planV2(request_.hierarchy, *request_.from, plan);
  // The record tells processes from threads.
  return planV1(request_.hierarchy, request_.proc, *request_.from, request_.record.has_value(), plan);
}

Failure Migration::moveRows() {
  std::vector<Target> targets;
  targets.reserve(request_.rows.size());
  for (const Row &row : request_.rows) targets.emplace_back(row.tid, 1, !request_.threads);
  outcome_.passes = 1;
  return pass(targets, &request_.rows);
}

Failure Migration::moveSource() {
  while (outcome_.passes < kMaxPasses) {
    Plan plan;
    if (Failure failure = list(plan)) {
      // A source that vanished between passes holds nothing any more.
      if (outcome_.passes > 0 && (failure.error == ENOENT || failure.error == ENODEV)) return {};
      return failure;
    }
    if (++outcome_.passes == 1 && plan.foreign > 0) mover_.refuse(0, ESRCH);
    dropSettled(plan.targets);
    dropReturned(plan.targets);
    if (plan.targets.empty()) return {};
    if (Failure failure = pass(plan.targets, nullptr)) return failure;
    if (outcome_.cancelled || mover_.stopped()) return {};
    previous_ = std::move(plan.targets);
  }
  outcome_.unsettled = true;
  return {};
}

Failure Migration::pass(std::vector<Target> &targets, const std::vector<Row> *rows) {
  if (Failure failure = mover_.prepare(targets)) return failure;
  if (screen_.isNeeded()) screen_.look(targets, rows);
  outcome_.cancelled = control_.cancelled();
  if (outcome_.cancelled) return {};
  if (request_.record) {
    if (Failure failure = screen_.record()) return failure;
  }
  mover_.move(targets);
  return {};
}

void Migration::dropSettled(std::vector<Target> &targets) const {
  if (!mover_.anySettled()) return;
  const auto settled = [&](const Target &target) { return mover_.isSettled(target.id); };
  targets.erase(std::remove_if(targets.begin(), targets.end(), settled), targets.end());
}

void Migration::dropReturned(std::vector<Target> &targets) {
  if (targets.empty()) return;
  std::sort(previous_.begin(), previous_.end(), byId);
  const auto tooOften = [&](const Target &target) { return isReturnedTooOften(target); };
  targets.erase(std::remove_if(targets.begin(), targets.end(), tooOften), targets.end());
}

bool Migration::isReturnedTooOften(const Target &target) {
  const auto before = std::lower_bound(previous_.begin(), previous_.end(), target, byId);
  if (before == previous_.end() || before->id != target.id) return false;
  if (before->moved != 0) {
    outcome_.moved -= before->threads;
  } else {
    --outcome_.gone;
  }
  if (++returns_[target.id] < kMaxReturns) return false;
  giveUp(target.id);
  return true;
}

void Migration::giveUp(int32_t tid) {
  TaskStat stat;
  const int error = request_.proc.stat(tid, stat);
  if (isGone(error) || (error == 0 && stat.isDying())) {
    mover_.abandon(tid);
  } else {
    mover_.refuse(tid, EAGAIN);
  }
}

}  // namespace

Failure moveTasks(MoveRequest &request, Control control, MoveOutcome &outcome) {
  Migration migration(request, control, outcome);
  return request.from ? migration.moveSource() : migration.moveRows();
}

}  // namespace vfio_isolate
