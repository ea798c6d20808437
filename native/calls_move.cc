#include <cerrno>
#include <utility>

#include "arguments.h"
#include "calls.h"
#include "convert.h"
#include "directory.h"
#include "migrate.h"
#include "worker.h"

namespace vfio_isolate {
namespace {

class MoveJob {
 public:
  MoveJob(MoveRequest request, Control control) : request_(std::move(request)), control_(control) {}

  Failure run() { return moveTasks(request_, control_, outcome_); }

  Napi::Value result(Napi::Env env) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("moved", static_cast<double>(outcome_.moved));
    result.Set("gone", static_cast<double>(outcome_.gone));
    result.Set("passes", outcome_.passes);
    result.Set("cancelled", outcome_.cancelled);
    result.Set("unsettled", outcome_.unsettled);
    result.Set("refused", toRefusals(env, outcome_.refused));
    result.Set("left", toRefusals(env, outcome_.left));
    result.Set("offset", request_.record ? static_cast<double>(request_.record->offset) : 0);
    return result;
  }

 private:
  MoveRequest request_;
  Control control_;
  MoveOutcome outcome_;
};

std::vector<Row> readRows(Arguments &arguments, const Napi::Value &value) {
  const Napi::Object tasks = arguments.object(value, "tasks");
  const std::vector<int32_t> tids = arguments.tids(arguments.member(tasks, "tid"), "tasks.tid", 1);
  const std::vector<double> starts = arguments.doubles(arguments.member(tasks, "start"), "tasks.start");
  if (tids.size() != starts.size()) arguments.outOfRange("as many start times as task IDs", "tasks.start");
  std::vector<Row> rows;
  if (!arguments.ok()) return rows;
  rows.reserve(tids.size());
  for (size_t index = 0; index < tids.size(); ++index) rows.push_back({tids[index], starts[index]});
  return rows;
}

RecordEnd readRecord(Arguments &arguments, const Napi::Value &value) {
  const Napi::Object record = arguments.object(value, "record");
  RecordEnd end;
  end.fd = arguments.int32(arguments.member(record, "fd"), "record.fd", 0);
  end.offset =
      static_cast<int64_t>(arguments.integer(arguments.member(record, "offset"), "record.offset", 0, kMaxSafeInteger));
  end.limit =
      static_cast<int64_t>(arguments.integer(arguments.member(record, "limit"), "record.limit", 0, kMaxSafeInteger));
  end.members = arguments.path(arguments.member(record, "members"), "record.members");
  if (arguments.ok() && (end.members.empty() || end.members.find('\n') != std::string::npos)) {
    arguments.outOfRange("one line of JSON members", "record.members");
  }
  return end;
}

/** Just one of the two forms. */
void readSource(Arguments &arguments, const Napi::Object &object, MoveRequest &request) {
  const Napi::Value from = arguments.member(object, "from");
  const Napi::Value tasks = arguments.member(object, "tasks");
  if (from.IsUndefined() == tasks.IsUndefined()) {
    arguments.expected("either of them", "from and tasks");
  } else if (tasks.IsUndefined()) {
    request.from = arguments.path(from, "from");
  } else {
    request.rows = readRows(arguments, tasks);
  }
}

void readOptions(Arguments &arguments, const Napi::Object &object, MoveRequest &request) {
  const Napi::Value threads = arguments.member(object, "threads");
  if (!threads.IsUndefined()) request.threads = arguments.boolean(threads, "threads");
  const Napi::Value leave = arguments.member(object, "leave");
  if (!leave.IsUndefined()) request.leave = arguments.texts(leave, "leave");
  const Napi::Value record = arguments.member(object, "record");
  if (!record.IsUndefined()) request.record = readRecord(arguments, record);
}

/** Opens what the request names, once all of it has been checked. */
Failure openRequest(const Place &hierarchy, const std::string &proc, MoveRequest &request) {
  Result<Beneath> held = hierarchy.open();
  if (held.failure) return held.failure;
  request.hierarchy = std::move(held.value);
  Result<Proc> opened = Proc::open(proc);
  request.proc = std::move(opened.value);
  return opened.failure;
}

}  // namespace

Napi::Value callMoveTasks(const Napi::CallbackInfo &info, Mode mode) {
  Arguments arguments(info.Env());
  const Napi::Object object = arguments.object(info[0], "request");
  MoveRequest request;
  const Place hierarchy = Place::from(arguments, arguments.member(object, "hierarchy"), "hierarchy");
  request.version = static_cast<int>(arguments.integer(arguments.member(object, "version"), "version", 1, 2));
  const std::string proc = arguments.path(arguments.member(object, "proc"), "proc");
  request.to = arguments.path(arguments.member(object, "to"), "to");
  readSource(arguments, object, request);
  readOptions(arguments, object, request);
  const Napi::Value cells = arguments.member(object, "control");
  const Control control = arguments.control(cells);
  if (!arguments.ok()) return info.Env().Undefined();
  if (throwIf(info.Env(), openRequest(hierarchy, proc, request))) return info.Env().Undefined();
  return perform(info.Env(), MoveJob(std::move(request), control), cells, mode);
}

}  // namespace vfio_isolate
