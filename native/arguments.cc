#include "arguments.h"

#include <algorithm>
#include <cmath>

namespace vfio_isolate {
namespace {

template <typename Element>
std::vector<Element> copyOf(const Napi::Value &value) {
  const auto array = value.As<Napi::TypedArrayOf<Element>>();
  // The data of an empty array may be null.
  if (array.ElementLength() == 0) return {};
  return {array.Data(), array.Data() + array.ElementLength()};
}

/** Without an exponent or trailing zeros. */
std::string decimal(double integer) { return std::to_string(static_cast<int64_t>(integer)); }

constexpr const char *kControlType = "an Int32Array of two elements, its buffer of fixed length";

}  // namespace

void Arguments::expected(const char *what, const char *name) {
  if (!std::exchange(ok_, false)) return;
  Napi::TypeError::New(env_, std::string("Expected ") + what + " for " + name).ThrowAsJavaScriptException();
}

void Arguments::outOfRange(const std::string &what, const char *name) {
  if (!std::exchange(ok_, false)) return;
  Napi::RangeError::New(env_, "Expected " + what + " for " + name).ThrowAsJavaScriptException();
}

bool Arguments::threw() {
  if (env_.IsExceptionPending()) ok_ = false;
  return !ok_;
}

double Arguments::integer(const Napi::Value &value, const char *name, double least, double most) {
  if (!ok_) return 0;
  const std::string what = "an integer from " + decimal(least) + " to " + decimal(most);
  if (!value.IsNumber()) {
    expected(what.c_str(), name);
    return 0;
  }
  const double number = value.As<Napi::Number>().DoubleValue();
  if (number >= least && number <= most && std::floor(number) == number) return number;
  outOfRange(what, name);
  return 0;
}

bool Arguments::boolean(const Napi::Value &value, const char *name) {
  if (ok_ && !value.IsBoolean()) expected("a boolean", name);
  return ok_ && value.As<Napi::Boolean>().Value();
}

std::string Arguments::text(const Napi::Value &value, const char *name) {
  if (ok_ && !value.IsString()) expected("a string", name);
  if (!ok_) return {};
  std::string text = value.As<Napi::String>().Utf8Value();
  return threw() ? std::string() : text;
}

std::string Arguments::path(const Napi::Value &value, const char *name) {
  std::string path = text(value, name);
  if (path.find('\0') != std::string::npos) expected("a string without null bytes", name);
  return ok_ ? path : std::string();
}

Napi::Function Arguments::function(const Napi::Value &value, const char *name) {
  if (ok_ && !value.IsFunction()) expected("a function", name);
  return ok_ ? value.As<Napi::Function>() : Napi::Function();
}

Napi::Object Arguments::object(const Napi::Value &value, const char *name) {
  if (ok_ && !value.IsObject()) expected("an object", name);
  return ok_ ? value.As<Napi::Object>() : Napi::Object();
}

Napi::Value Arguments::member(const Napi::Object &object, const char *name) {
  if (!ok_) return env_.Undefined();
  const Napi::Value value = object.Get(name);
  return threw() ? env_.Undefined() : value;
}

std::vector<std::string> Arguments::texts(const Napi::Value &value, const char *name) {
  if (ok_ && !value.IsArray()) expected("an array of strings", name);
  std::vector<std::string> texts;
  if (!ok_) return texts;
  const auto array = value.As<Napi::Array>();
  for (uint32_t index = 0; ok_ && index < array.Length(); ++index) {
    const Napi::HandleScope scope(env_);
    const Napi::Value element = array.Get(index);
    if (!threw()) texts.push_back(text(element, name));
  }
  return texts;
}

bool Arguments::typedArray(const Napi::Value &value, napi_typedarray_type type, const char *what, const char *name) {
  if (!ok_) return false;
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) expected(what, name);
  return ok_;
}

std::vector<int32_t> Arguments::tids(const Napi::Value &value, const char *name, int32_t least) {
  if (!typedArray(value, napi_int32_array, "an Int32Array", name)) return {};
  auto tids = copyOf<int32_t>(value);
  if (std::any_of(tids.begin(), tids.end(), [&](int32_t tid) { return tid < least; })) {
    outOfRange("task IDs from " + decimal(least), name);
  }
  return ok_ ? tids : std::vector<int32_t>();
}

std::vector<double> Arguments::doubles(const Napi::Value &value, const char *name) {
  if (!typedArray(value, napi_float64_array, "a Float64Array", name)) return {};
  return copyOf<double>(value);
}

std::vector<uint8_t> Arguments::bytes(const Napi::Value &value, const char *name) {
  if (!typedArray(value, napi_uint8_array, "a Uint8Array", name)) return {};
  return copyOf<uint8_t>(value);
}

Control Arguments::control(const Napi::Value &value) {
  if (!typedArray(value, napi_int32_array, kControlType, "control")) return {};
  auto cells = value.As<Napi::Int32Array>();
  // A buffer that shrinks would take the cells away from under the running call.
  const Napi::Value resizable = member(cells.ArrayBuffer(), "resizable");
  if (ok_ && resizable.IsBoolean() && resizable.As<Napi::Boolean>().Value()) expected(kControlType, "control");
  if (cells.ElementLength() < 2) outOfRange(kControlType, "control");
  return ok_ ? Control(cells.Data()) : Control();
}

}  // namespace vfio_isolate
