#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "control.h"

namespace vfio_isolate {

/** Largest integer that a JavaScript number holds exactly. */
constexpr double kMaxSafeInteger = 9007199254740991;
constexpr double kMaxInt32 = 2147483647;
constexpr double kMaxUint32 = 4294967295;

/**
 * Reads the arguments of one call. The first bad one leaves a TypeError or RangeError pending; after that, every
 * further read returns an empty value and does nothing. So a call reads all it needs and then asks ok() once.
 * All that is read is copied, but for the cells of a Control: JavaScript may change or free the rest meanwhile.
 */
class Arguments {
 public:
  explicit Arguments(Napi::Env env) : env_(env) {}

  bool ok() const { return ok_; }
  Napi::Env env() const { return env_; }

  double integer(const Napi::Value &value, const char *name, double least, double most);
  int32_t int32(const Napi::Value &value, const char *name, int32_t least) {
    return static_cast<int32_t>(integer(value, name, least, kMaxInt32));
  }
  bool boolean(const Napi::Value &value, const char *name);
  /** Text of any bytes. */
  std::string text(const Napi::Value &value, const char *name);
  /** Text without NUL, which would cut a path short. */
  std::string path(const Napi::Value &value, const char *name);
  Napi::Function function(const Napi::Value &value, const char *name);
  Napi::Object object(const Napi::Value &value, const char *name);
  Napi::Value member(const Napi::Object &object, const char *name);
  std::vector<std::string> texts(const Napi::Value &value, const char *name);
  std::vector<int32_t> tids(const Napi::Value &value, const char *name, int32_t least);
  std::vector<double> doubles(const Napi::Value &value, const char *name);
  std::vector<uint8_t> bytes(const Napi::Value &value, const char *name);
  /** The cells stay valid while `value` is held and its buffer is neither detached nor resized. */
  Control control(const Napi::Value &value);

  /** Leaves a TypeError pending: `Expected WHAT for NAME`. */
  void expected(const char *what, const char *name);
  /** Leaves a RangeError pending. */
  void outOfRange(const std::string &what, const char *name);

 private:
  bool typedArray(const Napi::Value &value, napi_typedarray_type type, const char *what, const char *name);
  /** Takes note of what a getter or a proxy threw. */
  bool threw();

  Napi::Env env_;
  bool ok_ = true;
};

}  // namespace vfio_isolate
