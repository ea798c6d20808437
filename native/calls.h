#pragma once

#include <napi.h>

#include "worker.h"

/** What JavaScript calls, see lib/native.ts for what each does. Each checks its arguments before all else. */
namespace vfio_isolate {

Napi::Value callGetAffinity(const Napi::CallbackInfo &info);
void callSetAffinity(const Napi::CallbackInfo &info);
Napi::Value callGetAffinities(const Napi::CallbackInfo &info);
Napi::Value callSetAffinities(const Napi::CallbackInfo &info, Mode mode);

Napi::Value callFileSystemType(const Napi::CallbackInfo &info);
Napi::Value callCgroupMounts(const Napi::CallbackInfo &info);
Napi::Value callMountsHaveChanged(const Napi::CallbackInfo &info);

Napi::Value callListTasks(const Napi::CallbackInfo &info);
Napi::Value callSelectTasks(const Napi::CallbackInfo &info, Mode mode);
Napi::Value callMoveTasks(const Napi::CallbackInfo &info, Mode mode);

Napi::Value callLock(const Napi::CallbackInfo &info);
Napi::Value callAppend(const Napi::CallbackInfo &info);
Napi::Value callMemoryFile(const Napi::CallbackInfo &info);

Napi::Value callSyncApart(const Napi::CallbackInfo &info);
Napi::Value callEndedApart(const Napi::CallbackInfo &info);

Napi::Value callWriteWithoutWaiting(const Napi::CallbackInfo &info);
Napi::Value callEndProcess(const Napi::CallbackInfo &info);

}  // namespace vfio_isolate
