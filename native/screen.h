#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "batch.h"
#include "migrate.h"
#include "mover.h"

namespace vfio_isolate {

/** Looks at the tasks of a pass before they move: leaves out those that stay, and writes the others to the record. */
class Screen {
 public:
  Screen(MoveRequest &request, Control control, Mover &mover) : request_(request), control_(control), mover_(mover) {}

  /** Whether a pass must look at its tasks at all. */
  bool isNeeded() const;
  /** Sets the ID of each target that is not to be moved to 0. `rows` are the caller's, target by target, or null. */
  void look(std::vector<Target> &targets, const std::vector<Row> *rows);
  /** Makes the batch durable. On failure nothing of it is in the record. */
  Failure record();

 private:
  /** Whether the target is to be moved. */
  bool admit(Target &target, const Row *row);
  void adjust(Target &target, const TaskStat &stat, bool listed) const;
  bool stays(const TaskStat &stat) const;
  bool note(const Target &target, const TaskStat &stat, bool listed);
  int findOrigin(const Target &target, const TaskStat &stat, std::string &origin) const;
  Batch &batchOf(const std::string &origin);

  MoveRequest &request_;
  const Control control_;
  Mover &mover_;
  std::vector<Batch> batches_;
  std::unordered_map<std::string, size_t> byOrigin_;
};

}  // namespace vfio_isolate
