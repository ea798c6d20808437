#pragma once

#include <napi.h>

#include "arguments.h"
#include "beneath.h"

namespace vfio_isolate {

/** The JavaScript class over Beneath. */
class Directory final : public Napi::ObjectWrap<Directory> {
 public:
  static Napi::Function define(Napi::Env env);

  /** What JavaScript calls; use define(). */
  explicit Directory(const Napi::CallbackInfo &info);

  /** The directory behind an argument, for as long as the value lives; null, with an error pending, where it is none.
   */
  static const Beneath *from(Arguments &arguments, const Napi::Value &value, const char *name);

 private:
  Napi::Value path(const Napi::CallbackInfo &info);
  void write(const Napi::CallbackInfo &info);
  Napi::Value read(const Napi::CallbackInfo &info);
  void makeDirectory(const Napi::CallbackInfo &info);
  void removeDirectory(const Napi::CallbackInfo &info);
  void close(const Napi::CallbackInfo &info);

  Beneath directory_;
};

}  // namespace vfio_isolate
