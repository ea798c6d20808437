#include <napi.h>

#include <memory>
#include <string>

#include "calls.h"
#include "directory.h"
#include "error.h"

namespace vfio_isolate {
namespace {

template <auto Call>
void add(Napi::Env env, Napi::Object &exports, const char *name) {
  exports.Set(name, Napi::Function::New<Call>(env, name));
}

template <Napi::Value (*Call)(const Napi::CallbackInfo &, Mode), Mode mode>
Napi::Value callIn(const Napi::CallbackInfo &info) {
  return Call(info, mode);
}

/** Two functions: NAME, which returns a promise, and NAMESync. */
template <Napi::Value (*Call)(const Napi::CallbackInfo &, Mode)>
void addBoth(Napi::Env env, Napi::Object &exports, const std::string &name) {
  add<callIn<Call, Mode::kAsync>>(env, exports, name.c_str());
  add<callIn<Call, Mode::kSync>>(env, exports, (name + "Sync").c_str());
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(std::make_unique<Instance>().release());
  add<setErrorFactory>(env, exports, "setErrorFactory");
  add<callGetAffinity>(env, exports, "getAffinity");
  add<callSetAffinity>(env, exports, "setAffinity");
  add<callGetAffinities>(env, exports, "getAffinities");
  addBoth<callSetAffinities>(env, exports, "setAffinities");
  add<callFileSystemType>(env, exports, "fileSystemType");
  add<callCgroupMounts>(env, exports, "cgroupMounts");
  add<callMountsHaveChanged>(env, exports, "mountsHaveChanged");
  exports.Set("Directory", Directory::define(env));
  add<callListTasks>(env, exports, "listTasks");
  addBoth<callSelectTasks>(env, exports, "selectTasks");
  addBoth<callMoveTasks>(env, exports, "moveTasks");
  add<callLock>(env, exports, "lock");
  add<callAppend>(env, exports, "append");
  add<callMemoryFile>(env, exports, "memoryFile");
  add<callSyncApart>(env, exports, "syncApart");
  add<callEndedApart>(env, exports, "endedApart");
  add<callWriteWithoutWaiting>(env, exports, "writeWithoutWaiting");
  add<callEndProcess>(env, exports, "endProcess");
  return exports;
}

NODE_API_MODULE(vfio_isolate, initialize)

}  // namespace
}  // namespace vfio_isolate
