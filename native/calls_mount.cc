#include "arguments.h"
#include "calls.h"
#include "error.h"
#include "mount.h"

namespace vfio_isolate {
namespace {

Napi::Value toArray(Napi::Env env, const std::vector<std::string> &texts) {
  Napi::Array array = Napi::Array::New(env, texts.size());
  for (size_t index = 0; index < texts.size(); ++index) array.Set(static_cast<uint32_t>(index), texts[index]);
  return array;
}

Napi::Object toObject(Napi::Env env, const CgroupMount &mount) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("mountPoint", mount.mountPoint);
  object.Set("root", mount.root);
  object.Set("type", mount.type);
  object.Set("options", toArray(env, mount.options));
  return object;
}

}  // namespace

Napi::Value callFileSystemType(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const std::string path = arguments.path(info[0], "path");
  if (!arguments.ok()) return info.Env().Undefined();
  uint32_t type = 0;
  if (throwIf(info.Env(), fileSystemType(path, type))) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), type);
}

Napi::Value callCgroupMounts(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const std::string mountinfo = arguments.path(info[0], "mountinfo");
  if (!arguments.ok()) return info.Env().Undefined();
  std::vector<CgroupMount> mounts;
  if (throwIf(info.Env(), readCgroupMounts(mountinfo, mounts))) return info.Env().Undefined();
  Napi::Array array = Napi::Array::New(info.Env(), mounts.size());
  for (size_t index = 0; index < mounts.size(); ++index) {
    array.Set(static_cast<uint32_t>(index), toObject(info.Env(), mounts[index]));
  }
  return array;
}

Napi::Value callMountsHaveChanged(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const int32_t fd = arguments.int32(info[0], "fd", 0);
  if (!arguments.ok()) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), mountsHaveChanged(fd));
}

}  // namespace vfio_isolate
