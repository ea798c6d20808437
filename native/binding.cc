#include <napi.h>

#include <memory>

#include "calls.h"
#include "directory.h"
#include "error.h"

namespace vfio_isolate {
namespace {

template <auto Call>
void add(Napi::Env env, Napi::Object &exports, const char *name) {
  exports.Set(name, Napi::Function::New<Call>(env, name));
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(std::make_unique<Instance>().release());
  add<setErrorFactory>(env, exports, "setErrorFactory");
  add<callGetAffinity>(env, exports, "getAffinity");
  add<callSetAffinity>(env, exports, "setAffinity");
  add<callGetAffinities>(env, exports, "getAffinities");
  add<callSetAffinities>(env, exports, "setAffinities");
  add<callFileSystemType>(env, exports, "fileSystemType");
  add<callCgroupMounts>(env, exports, "cgroupMounts");
  exports.Set("Directory", Directory::define(env));
  add<callListTasks>(env, exports, "listTasks");
  add<callMoveTasks>(env, exports, "moveTasks");
  add<callLock>(env, exports, "lock");
  add<callAppend>(env, exports, "append");
  add<callMemoryFile>(env, exports, "memoryFile");
  add<callSync>(env, exports, "sync");
  return exports;
}

NODE_API_MODULE(vfio_isolate, initialize)

}  // namespace
}  // namespace vfio_isolate
