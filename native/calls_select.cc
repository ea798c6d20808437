#include "arguments.h"
#include "calls.h"
#include "convert.h"
#include "directory.h"
#include "select.h"
#include "worker.h"

namespace vfio_isolate {
namespace {

class SelectJob {
 public:
  SelectJob(SelectRequest request, Control control) : request_(std::move(request)), control_(control) {}

  Failure run() { return selectTasks(request_, control_, selected_); }

  Napi::Value result(Napi::Env env) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("tids", toInt32Array(env, selected_));
    result.Set("cancelled", control_.cancelled());
    return result;
  }

 private:
  SelectRequest request_;
  Control control_;
  std::vector<int32_t> selected_;
};

/** What is given asks for something: an empty list would let everything pass. */
template <typename List>
List atLeastOne(Arguments &arguments, List list, const char *name) {
  if (list.empty()) arguments.outOfRange("at least one element", name);
  return list;
}

TaskFilter readFilter(Arguments &arguments, const Napi::Object &object) {
  TaskFilter filter;
  const auto given = [&](const char *name, auto &&take) {
    const Napi::Value value = arguments.member(object, name);
    if (arguments.ok() && !value.IsUndefined()) take(value, name);
  };
  given("threads", [&](const auto &value, auto name) { filter.threads = arguments.boolean(value, name); });
  given("names", [&](const auto &value, auto name) {
    filter.names = atLeastOne(arguments, arguments.texts(value, name), name);
  });
  given("prefixes", [&](const auto &value, auto name) {
    filter.prefixes = atLeastOne(arguments, arguments.texts(value, name), name);
  });
  given("uid", [&](const auto &value, auto name) {
    filter.uid = static_cast<uint32_t>(arguments.integer(value, name, 0, kMaxUint32));
  });
  given("kernelThread", [&](const auto &value, auto name) { filter.kernelThread = arguments.boolean(value, name); });
  given("affinity", [&](const auto &value, auto name) {
    filter.affinity = atLeastOne(arguments, arguments.bytes(value, name), name);
  });
  given("mayRunOn", [&](const auto &value, auto name) {
    filter.mayRunOn = atLeastOne(arguments, arguments.bytes(value, name), name);
  });
  return filter;
}

/** At most one of a cgroup's list and named tasks. */
void readSource(Arguments &arguments, const Napi::Object &object, SelectRequest &request,
                std::optional<Place> &hierarchy) {
  const Napi::Value directory = arguments.member(object, "hierarchy");
  const Napi::Value tids = arguments.member(object, "tids");
  if (!arguments.ok()) return;
  if (!directory.IsUndefined() && !tids.IsUndefined())
    return arguments.expected("only one of them", "hierarchy and tids");
  if (!tids.IsUndefined()) request.tids = arguments.tids(tids, "tids", 1);
  if (directory.IsUndefined()) return;
  hierarchy = Place::from(arguments, directory, "hierarchy");
  request.list = arguments.path(arguments.member(object, "list"), "list");
}

}  // namespace

Napi::Value callSelectTasks(const Napi::CallbackInfo &info, Mode mode) {
  Arguments arguments(info.Env());
  const Napi::Object object = arguments.object(info[0], "request");
  SelectRequest request;
  std::optional<Place> hierarchy;
  request.filter = readFilter(arguments, object);
  readSource(arguments, object, request, hierarchy);
  const std::string proc = arguments.path(arguments.member(object, "proc"), "proc");
  const Napi::Value cells = arguments.member(object, "control");
  const Control control = arguments.control(cells);
  if (!arguments.ok()) return info.Env().Undefined();
  if (hierarchy) {
    Result<Beneath> held = hierarchy->open();
    if (throwIf(info.Env(), held.failure)) return info.Env().Undefined();
    request.hierarchy = std::move(held.value);
  }
  Result<Proc> opened = Proc::open(proc);
  if (throwIf(info.Env(), opened.failure)) return info.Env().Undefined();
  request.proc = std::move(opened.value);
  return perform(info.Env(), SelectJob(std::move(request), control), cells, mode);
}

}  // namespace vfio_isolate
