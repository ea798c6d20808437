#include <unistd.h>

#include "arguments.h"
#include "calls.h"
#include "io.h"

namespace vfio_isolate {

Napi::Value callWriteWithoutWaiting(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const int32_t fd = arguments.int32(info[0], "fd", 0);
  std::vector<uint8_t> bytes = arguments.bytes(info[1], "bytes");
  if (!arguments.ok()) return info.Env().Undefined();
  const size_t put = writeWithoutWaiting(fd, bytes);
  return Napi::Number::New(info.Env(), static_cast<double>(put));
}

Napi::Value callEndProcess(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const int32_t status = arguments.int32(info[0], "status", 0);
  if (arguments.ok()) _exit(status);
  return info.Env().Undefined();
}

}  // namespace vfio_isolate
