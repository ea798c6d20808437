#pragma once

#include <napi.h>

#include "failure.h"

namespace vfio_isolate {

/** What belongs to one environment (the main thread, or a worker thread) that loaded the addon. */
struct Instance {
  Napi::FunctionReference errorFactory;
};

void setErrorFactory(const Napi::CallbackInfo &info);

/** The one way by which a refused system call becomes a JavaScript error: made by the factory that was installed. */
Napi::Value toError(Napi::Env env, const Failure &failure);

/** Throws where there is something to throw; says whether it did. */
bool throwIf(Napi::Env env, const Failure &failure);

}  // namespace vfio_isolate
