#include "directory.h"

#include <fcntl.h>

#include <optional>

#include "apart.h"
#include "error.h"

namespace vfio_isolate {
namespace {

/** Tells our objects from others that merely claim the prototype. */
constexpr napi_type_tag kTag = {0x7f3a1c52e0b94d68, 0x9d21f6a83c4b5e07};

std::optional<uint32_t> readType(Arguments &arguments, const Napi::Value &value) {
  if (!arguments.ok() || value.IsUndefined()) return std::nullopt;
  return static_cast<uint32_t>(arguments.integer(value, "type", 0, kMaxUint32));
}

}  // namespace

Place Place::from(Arguments &arguments, const Napi::Value &value, const char *name) {
  Place place;
  if (arguments.ok() && value.IsObject() && !Directory::isOne(value)) {
    const auto object = value.As<Napi::Object>();
    place.path_ = arguments.path(arguments.member(object, "path"), name);
    place.type_ = readType(arguments, arguments.member(object, "type"));
  } else {
    place.held_ = Directory::from(arguments, value, name);
  }
  return place;
}

Napi::Function Directory::define(Napi::Env env) {
  return DefineClass(env, "Directory",
                     {
                         InstanceAccessor<&Directory::path>("path"),
                         InstanceMethod<&Directory::write>("write"),
                         InstanceMethod<&Directory::writeApart>("writeApart"),
                         InstanceMethod<&Directory::read>("read"),
                         InstanceMethod<&Directory::makeDirectory>("makeDirectory"),
                         InstanceMethod<&Directory::removeDirectory>("removeDirectory"),
                         InstanceMethod<&Directory::close>("close"),
                     });
}

Directory::Directory(const Napi::CallbackInfo &info) : ObjectWrap(info) {
  Arguments arguments(info.Env());
  const std::string path = arguments.path(info[0], "path");
  const std::optional<uint32_t> type = readType(arguments, info[1]);
  if (!arguments.ok()) return;
  Result<Beneath> opened = Beneath::open(path, type);
  if (throwIf(info.Env(), opened.failure)) return;
  directory_ = std::move(opened.value);
  info.This().As<Napi::Object>().TypeTag(&kTag);
}

const Beneath *Directory::from(Arguments &arguments, const Napi::Value &value, const char *name) {
  const bool isOurs = arguments.ok() && isOne(value);
  if (!isOurs) arguments.expected("a Directory", name);
  return isOurs ? &Unwrap(value.As<Napi::Object>())->directory_ : nullptr;
}

bool Directory::isOne(const Napi::Value &value) {
  return value.IsObject() && value.As<Napi::Object>().CheckTypeTag(&kTag);
}

Napi::Value Directory::path(const Napi::CallbackInfo &info) { return Napi::String::New(info.Env(), directory_.path()); }

void Directory::write(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const std::string relative = arguments.path(info[0], "relative");
  const std::string value = arguments.text(info[1], "value");
  if (arguments.ok()) throwIf(info.Env(), directory_.write(relative, value));
}

Napi::Value Directory::writeApart(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const std::string relative = arguments.path(info[0], "relative");
  const std::string value = arguments.text(info[1], "value");
  if (!arguments.ok()) return info.Env().Undefined();
  UniqueFd file;
  if (throwIf(info.Env(), directory_.openFile(relative, O_WRONLY, file))) return info.Env().Undefined();
  const Result<pid_t> started = vfio_isolate::writeApart(file.get(), value);
  if (throwIf(info.Env(), started.failure)) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), started.value);
}

Napi::Value Directory::read(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const std::string relative = arguments.path(info[0], "relative");
  if (!arguments.ok()) return info.Env().Undefined();
  const Result<std::string> text = directory_.read(relative);
  if (throwIf(info.Env(), text.failure)) return info.Env().Undefined();
  return Napi::String::New(info.Env(), text.value);
}

void Directory::makeDirectory(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const std::string relative = arguments.path(info[0], "relative");
  if (arguments.ok()) throwIf(info.Env(), directory_.makeDirectory(relative));
}

void Directory::removeDirectory(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const std::string relative = arguments.path(info[0], "relative");
  if (arguments.ok()) throwIf(info.Env(), directory_.removeDirectory(relative));
}

void Directory::close(const Napi::CallbackInfo & /*info*/) { directory_.close(); }

}  // namespace vfio_isolate
