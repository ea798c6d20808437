#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "beneath.h"
#include "control.h"
#include "proc.h"

namespace vfio_isolate {

/** A task that a caller names, with its start time where it knows it. */
struct Row {
  int32_t tid = 0;
  /** NaN: not checked. */
  double start = 0;
};

struct RecordEnd {
  int fd = -1;
  int64_t offset = 0;
  /** What the record must not become longer than. */
  int64_t limit = 0;
  std::string members;
};

struct MoveRequest {
  Beneath hierarchy;
  Proc proc;
  int version = 1;
  std::string to;
  /** The source, else `rows`. */
  std::optional<std::string> from;
  std::vector<Row> rows;
  bool threads = false;
  std::vector<std::string> leave;
  std::optional<RecordEnd> record;
};

/** A task that stays where it is. */
struct Refusal {
  int32_t tid = 0;
  int error = 0;
  uint32_t flags = 0;
  std::string comm;
};

struct MoveOutcome {
  int64_t moved = 0;
  int64_t gone = 0;
  int32_t passes = 0;
  bool cancelled = false;
  bool unsettled = false;
  std::vector<Refusal> refused;
  std::vector<Refusal> left;
};

/** Names a task that refuses, as far as procfs still knows it. */
Refusal describeRefusal(const Proc &proc, int32_t tid, int error);

/** Performs a move. `request.record->offset` is advanced by what was written. */
Failure moveTasks(MoveRequest &request, Control control, MoveOutcome &outcome);

}  // namespace vfio_isolate
