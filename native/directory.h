#pragma once

#include <napi.h>

#include <optional>
#include <string>

#include "arguments.h"
#include "beneath.h"

namespace vfio_isolate {

/** What an argument names: a Directory, or the path and type of one that is opened for a single call. */
class Place {
 public:
  /** With an error pending where it names neither. */
  static Place from(Arguments &arguments, const Napi::Value &value, const char *name);

  /** For a call that may outlive the argument. */
  Result<Beneath> open() const { return held_ == nullptr ? Beneath::open(path_, type_) : held_->duplicate(); }

 private:
  const Beneath *held_ = nullptr;
  std::string path_;
  std::optional<uint32_t> type_;
};

/** The JavaScript class over Beneath. */
class Directory final : public Napi::ObjectWrap<Directory> {
 public:
  static Napi::Function define(Napi::Env env);

  /** What JavaScript calls; use define(). */
  explicit Directory(const Napi::CallbackInfo &info);

  /** The directory behind an argument, for as long as the value lives; null, with an error pending, where it is none.
   */
  static const Beneath *from(Arguments &arguments, const Napi::Value &value, const char *name);
  static bool isOne(const Napi::Value &value);

 private:
  Napi::Value path(const Napi::CallbackInfo &info);
  void write(const Napi::CallbackInfo &info);
  Napi::Value writeApart(const Napi::CallbackInfo &info);
  Napi::Value read(const Napi::CallbackInfo &info);
  void makeDirectory(const Napi::CallbackInfo &info);
  void removeDirectory(const Napi::CallbackInfo &info);
  void close(const Napi::CallbackInfo &info);

  Beneath directory_;
};

}  // namespace vfio_isolate
