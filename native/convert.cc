#include "convert.h"

#include <cstring>

namespace vfio_isolate {
namespace {

Napi::Object toRefusal(Napi::Env env, const Refusal &refusal) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("tid", refusal.tid);
  object.Set("errno", -refusal.error);
  object.Set("flags", refusal.flags);
  object.Set("comm", refusal.comm);
  return object;
}

}  // namespace

Napi::Value toInt32Array(Napi::Env env, const std::vector<int32_t> &numbers) {
  auto array = Napi::Int32Array::New(env, numbers.size());
  if (!numbers.empty()) std::memcpy(array.Data(), numbers.data(), numbers.size() * sizeof(int32_t));
  return array;
}

Napi::Value toRefusals(Napi::Env env, const std::vector<Refusal> &refusals) {
  Napi::Array array = Napi::Array::New(env, refusals.size());
  for (size_t index = 0; index < refusals.size(); ++index) {
    const Napi::HandleScope scope(env);
    array.Set(static_cast<uint32_t>(index), toRefusal(env, refusals[index]));
  }
  return array;
}

}  // namespace vfio_isolate
