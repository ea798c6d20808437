#include "screen.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <string_view>

#include "record.h"

namespace vfio_isolate {
namespace {

bool startsWith(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

bool endsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

uint32_t countOf(const TaskStat &stat) { return static_cast<uint32_t>(std::max(stat.threads, 1)) & 0x3fffffff; }

bool isAnother(const Row &row, const TaskStat &stat) {
  return !std::isnan(row.start) && row.start != static_cast<double>(stat.start);
}

}  // namespace

bool Screen::isNeeded() const {
  if (request_.record) return true;
  // Only the root of a hierarchy holds kernel threads, unless somebody named them.
  if (!request_.leave.empty() && request_.from.value_or("").empty()) return true;
  return std::any_of(request_.rows.begin(), request_.rows.end(), [](const Row &row) { return !std::isnan(row.start); });
}

void Screen::look(std::vector<Target> &targets, const std::vector<Row> *rows) {
  batches_.clear();
  byOrigin_.clear();
  for (size_t index = 0; index < targets.size() && !control_.cancelled(); ++index) {
    if (admit(targets[index], rows == nullptr ? nullptr : &(*rows)[index])) continue;
    targets[index].id = 0;
    control_.advance();
  }
}

bool Screen::admit(Target &target, const Row *row) {
  TaskStat stat;
  const int error = request_.proc.stat(target.id, stat);
  if (isGone(error) || (error == 0 && row != nullptr && isAnother(*row, stat))) {
    mover_.lose();
    return false;
  }
  if (error != 0) {
    mover_.refuse(target.id, error);
    return false;
  }
  if (stays(stat)) {
    mover_.leave(target.id, stat);
    return false;
  }
  adjust(target, stat, row != nullptr);
  return !request_.record || note(target, stat, row != nullptr);
}

/** What the plan could not know of a process's threads. */
void Screen::adjust(Target &target, const TaskStat &stat, bool listed) const {
  if (target.whole == 0) return;
  if (request_.version == 2 || listed) {
    target.threads = countOf(stat);
  } else if (target.threads == 1 && stat.threads != 1) {
    // Not alone: its other threads may be in another cgroup, and must not be taken back from there with it.
    target.whole = 0;
  }
}

bool Screen::stays(const TaskStat &stat) const {
  return stat.isKernelThread() && std::any_of(request_.leave.begin(), request_.leave.end(),
                                              [&](const std::string &name) { return startsWith(stat.comm, name); });
}

bool Screen::note(const Target &target, const TaskStat &stat, bool listed) {
  std::string origin;
  if (listed) {
    const int error = findOrigin(target, stat, origin);
    if (isGone(error)) mover_.lose();
    if (error != 0 && !isGone(error)) mover_.refuse(target.id, error);
    if (error != 0) return false;
  }
  Batch &batch = listed ? batchOf(origin) : batches_.empty() ? batchOf('/' + *request_.from) : batches_.front();
  if (target.whole != 0) {
    batch.addProcess(target.id, stat.start);
  } else {
    batch.addThread(target.id, stat.start);
  }
  return true;
}

int Screen::findOrigin(const Target &target, const TaskStat &stat, std::string &origin) const {
  if (const int error = request_.proc.cgroup(target.id, request_.version, origin); error != 0) return error;
  // Only what has exited can be in a removed cgroup.
  if (stat.isDying() && endsWith(origin, " (deleted)")) return ESRCH;
  if (!isPlain(origin)) return EILSEQ;
  // Outside of this cgroup namespace: there is no way back.
  if (origin == "/.." || startsWith(origin, "/../")) return EXDEV;
  return 0;
}

Batch &Screen::batchOf(const std::string &origin) {
  const auto [at, isNew] = byOrigin_.try_emplace(origin, batches_.size());
  if (isNew) batches_.emplace_back(origin);
  return batches_[at->second];
}

Failure Screen::record() {
  std::string lines;
  for (const Batch &batch : batches_) batch.appendTo(lines, request_.record->members);
  batches_.clear();
  if (lines.empty()) return {};
  RecordEnd &end = *request_.record;
  const auto size = static_cast<int64_t>(lines.size());
  if (size > end.limit - end.offset) return {EFBIG, "limit"};
  if (Failure failure = appendDurably(end.fd, end.offset, lines)) return failure;
  end.offset += size;
  return {};
}

}  // namespace vfio_isolate
