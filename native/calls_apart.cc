#include "apart.h"
#include "arguments.h"
#include "calls.h"
#include "error.h"

namespace vfio_isolate {

Napi::Value callSyncApart(const Napi::CallbackInfo &info) {
  const Result<pid_t> started = syncApart();
  if (throwIf(info.Env(), started.failure)) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), started.value);
}

Napi::Value callEndedApart(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const pid_t pid = arguments.int32(info[0], "pid", 1);
  if (!arguments.ok()) return info.Env().Undefined();
  const Result<std::optional<int>> ended = endedApart(pid);
  if (throwIf(info.Env(), ended.failure) || !ended.value) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), -*ended.value);
}

}  // namespace vfio_isolate
