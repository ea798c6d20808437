#pragma once

#include <napi.h>

#include <vector>

#include "migrate.h"

namespace vfio_isolate {

Napi::Value toInt32Array(Napi::Env env, const std::vector<int32_t> &numbers);
Napi::Value toRefusals(Napi::Env env, const std::vector<Refusal> &refusals);

}  // namespace vfio_isolate
