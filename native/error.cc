#include "error.h"

#include "arguments.h"

namespace vfio_isolate {
namespace {

Napi::Value textOrUndefined(Napi::Env env, bool present, const std::string &text) {
  return present ? Napi::String::New(env, text).As<Napi::Value>() : env.Undefined();
}

/** Before TypeScript has installed its factory. */
Napi::Value plainError(Napi::Env env, const Failure &failure) {
  const std::string message =
      std::string(failure.syscall) + ' ' + failure.path + ": errno " + std::to_string(failure.error);
  return Napi::Error::New(env, message).Value();
}

}  // namespace

void setErrorFactory(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const Napi::Function make = arguments.function(info[0], "make");
  if (arguments.ok()) info.Env().GetInstanceData<Instance>()->errorFactory = Napi::Persistent(make);
}

Napi::Value toError(Napi::Env env, const Failure &failure) {
  const Napi::FunctionReference &factory = env.GetInstanceData<Instance>()->errorFactory;
  if (factory.IsEmpty()) return plainError(env, failure);
  const Napi::Value made = factory.Call({
      Napi::Number::New(env, -failure.error),
      Napi::String::New(env, failure.syscall),
      textOrUndefined(env, !failure.path.empty(), failure.path),
      textOrUndefined(env, failure.value.has_value(), failure.value.value_or("")),
  });
  // What the factory itself throws stands in for what it should have made.
  return env.IsExceptionPending() ? env.GetAndClearPendingException().Value() : made;
}

bool throwIf(Napi::Env env, const Failure &failure) {
  if (!failure) return false;
  napi_throw(env, toError(env, failure));
  return true;
}

}  // namespace vfio_isolate
