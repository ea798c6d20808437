#include <cstring>

#include "arguments.h"
#include "calls.h"
#include "convert.h"
#include "directory.h"
#include "tasks.h"
#include "worker.h"

namespace vfio_isolate {
namespace {

template <typename Array, typename Column>
Array toArray(Napi::Env env, const Column &column) {
  auto array = Array::New(env, column.size());
  if (!column.empty()) std::memcpy(array.Data(), column.data(), column.size() * sizeof(column[0]));
  return array;
}

Napi::Array toStrings(Napi::Env env, const std::vector<std::string> &texts) {
  Napi::Array array = Napi::Array::New(env, texts.size());
  for (size_t index = 0; index < texts.size(); ++index) {
    const Napi::HandleScope scope(env);
    array.Set(static_cast<uint32_t>(index), texts[index]);
  }
  return array;
}

class ListJob {
 public:
  ListJob(Beneath directory, std::string list, Proc proc, Control control)
      : directory_(std::move(directory)), list_(std::move(list)), proc_(std::move(proc)), control_(control) {}

  Failure run() { return readTasks(directory_, list_, proc_, control_, table_); }

  Napi::Value result(Napi::Env env) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("tid", toArray<Napi::Int32Array>(env, table_.tid));
    result.Set("tgid", toArray<Napi::Int32Array>(env, table_.tgid));
    result.Set("ppid", toArray<Napi::Int32Array>(env, table_.ppid));
    result.Set("start", toArray<Napi::Float64Array>(env, table_.start));
    result.Set("flags", toArray<Napi::Uint32Array>(env, table_.flags));
    result.Set("comm", toStrings(env, table_.comm));
    return result;
  }

 private:
  Beneath directory_;
  std::string list_;
  Proc proc_;
  Control control_;
  TaskTable table_;
};

}  // namespace

Napi::Value callListTasks(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const Beneath *directory = Directory::from(arguments, info[0], "directory");
  std::string list = arguments.path(info[1], "list");
  const std::string proc = arguments.path(info[2], "proc");
  const Control control = arguments.control(info[3]);
  if (!arguments.ok()) return info.Env().Undefined();
  Result<Beneath> held = directory->duplicate();
  if (throwIf(info.Env(), held.failure)) return info.Env().Undefined();
  Result<Proc> opened = Proc::open(proc);
  if (throwIf(info.Env(), opened.failure)) return info.Env().Undefined();
  ListJob job(std::move(held.value), std::move(list), std::move(opened.value), control);
  return Worker<ListJob>::start(info.Env(), std::move(job), info[3]);
}

}  // namespace vfio_isolate
