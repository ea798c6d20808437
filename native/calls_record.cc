#include <unistd.h>

#include "arguments.h"
#include "calls.h"
#include "record.h"
#include "worker.h"

namespace vfio_isolate {
namespace {

class AppendJob {
 public:
  AppendJob(int fd, int64_t offset, std::vector<uint8_t> data) : fd_(fd), offset_(offset), data_(std::move(data)) {}

  Failure run() { return appendDurably(fd_, offset_, {reinterpret_cast<const char *>(data_.data()), data_.size()}); }

  Napi::Value result(Napi::Env env) {
    return Napi::Number::New(env, static_cast<double>(offset_) + static_cast<double>(data_.size()));
  }

 private:
  int fd_;
  int64_t offset_;
  std::vector<uint8_t> data_;
};

}  // namespace

Napi::Value callLock(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const int32_t fd = arguments.int32(info[0], "fd", 0);
  if (!arguments.ok()) return info.Env().Undefined();
  bool held = false;
  if (throwIf(info.Env(), tryLock(fd, held))) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), held);
}

Napi::Value callAppend(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const int32_t fd = arguments.int32(info[0], "fd", 0);
  const auto offset = static_cast<int64_t>(arguments.integer(info[1], "offset", 0, kMaxSafeInteger));
  std::vector<uint8_t> data = arguments.bytes(info[2], "data");
  if (!arguments.ok()) return info.Env().Undefined();
  return Worker<AppendJob>::start(info.Env(), AppendJob(fd, offset, std::move(data)), info[2]);
}

Napi::Value callMemoryFile(const Napi::CallbackInfo &info) {
  int fd = -1;
  if (throwIf(info.Env(), createMemoryFile(fd))) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), fd);
}

}  // namespace vfio_isolate
