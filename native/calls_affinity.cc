#include <cstring>

#include "affinity.h"
#include "arguments.h"
#include "calls.h"
#include "convert.h"
#include "error.h"
#include "migrate.h"
#include "worker.h"

namespace vfio_isolate {
namespace {

constexpr size_t kLargestMask = size_t{1} << 20;

/** TID 0 would mean whichever thread the call is made on; so it is resolved here, on JavaScript's. */
int32_t resolved(int32_t tid) { return tid == 0 ? callerTid() : tid; }

std::vector<int32_t> resolvedAll(std::vector<int32_t> tids) {
  for (int32_t &tid : tids) tid = resolved(tid);
  return tids;
}

void checkMaskSize(Arguments &arguments, size_t size, const char *name) {
  if (size == 0 || size > kLargestMask) arguments.outOfRange("from 1 to 1048576 bytes", name);
}

Napi::Value copyOf(Napi::Env env, const CpuMask &bytes) {
  auto array = Napi::Uint8Array::New(env, bytes.size());
  if (!bytes.empty()) std::memcpy(array.Data(), bytes.data(), bytes.size());
  return array;
}

std::string taskPath(int32_t tid) { return "/proc/" + std::to_string(tid); }

/** Masks of many tasks, a row each. */
class GetJob {
 public:
  GetJob(std::vector<int32_t> tids, Control control) : tids_(std::move(tids)), control_(control) {}

  Failure run() {
    CpuMask own;
    if (const int error = getAffinity(0, own); error != 0) return {error, "sched_getaffinity"};
    size_ = own.size();
    masks_.assign(size_ * tids_.size(), 0);
    errors_.assign(tids_.size(), -ECANCELED);
    for (size_t row = 0; row < tids_.size() && !control_.cancelled(); ++row) {
      errors_[row] = -getAffinityRow(tids_[row], masks_.data() + row * size_, size_);
      control_.advance();
    }
    return {};
  }

  Napi::Value result(Napi::Env env) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("size", static_cast<double>(size_));
    result.Set("masks", copyOf(env, masks_));
    result.Set("errors", toInt32Array(env, errors_));
    return result;
  }

 private:
  std::vector<int32_t> tids_;
  Control control_;
  size_t size_ = 0;
  CpuMask masks_;
  std::vector<int32_t> errors_;
};

/** One mask for all tasks, or a row each. */
class SetJob {
 public:
  SetJob(std::vector<int32_t> tids, CpuMask masks, size_t size, Proc proc, Control control)
      : tids_(std::move(tids)), masks_(std::move(masks)), size_(size), proc_(std::move(proc)), control_(control) {}

  Failure run() {
    const size_t stride = masks_.size() == size_ ? 0 : size_;
    for (size_t row = 0; row < tids_.size() && !control_.cancelled(); ++row) {
      settle(tids_[row], setAffinity(tids_[row], masks_.data() + row * stride, size_));
      control_.advance();
    }
    cancelled_ = control_.cancelled();
    return {};
  }

  Napi::Value result(Napi::Env env) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("done", done_);
    result.Set("gone", gone_);
    result.Set("cancelled", cancelled_);
    result.Set("refused", toRefusals(env, refused_));
    return result;
  }

 private:
  void settle(int32_t tid, int error) {
    if (error == 0) {
      ++done_;
    } else if (error == ESRCH) {
      ++gone_;
    } else {
      refused_.push_back(describeRefusal(proc_, tid, error));
    }
  }

  std::vector<int32_t> tids_;
  CpuMask masks_;
  size_t size_;
  Proc proc_;
  Control control_;
  double done_ = 0;
  double gone_ = 0;
  bool cancelled_ = false;
  std::vector<Refusal> refused_;
};

}  // namespace

Napi::Value callGetAffinity(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const int32_t tid = resolved(arguments.int32(info[0], "tid", 0));
  if (!arguments.ok()) return info.Env().Undefined();
  CpuMask mask;
  const int error = getAffinity(tid, mask);
  if (throwIf(info.Env(), {error, "sched_getaffinity", taskPath(tid)})) return info.Env().Undefined();
  return copyOf(info.Env(), mask);
}

void callSetAffinity(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  const int32_t tid = resolved(arguments.int32(info[0], "tid", 0));
  const CpuMask mask = arguments.bytes(info[1], "mask");
  checkMaskSize(arguments, mask.size(), "mask");
  if (!arguments.ok()) return;
  const int error = setAffinity(tid, mask.data(), mask.size());
  if (error == 0) return;
  throwIf(info.Env(), {error, "sched_setaffinity", taskPath(tid), cpuList(mask.data(), mask.size())});
}

Napi::Value callGetAffinities(const Napi::CallbackInfo &info) {
  Arguments arguments(info.Env());
  std::vector<int32_t> tids = arguments.tids(info[0], "tids", 0);
  const Control control = arguments.control(info[1]);
  if (!arguments.ok()) return info.Env().Undefined();
  return Worker<GetJob>::start(info.Env(), GetJob(resolvedAll(std::move(tids)), control), info[1]);
}

Napi::Value callSetAffinities(const Napi::CallbackInfo &info, Mode mode) {
  Arguments arguments(info.Env());
  std::vector<int32_t> tids = arguments.tids(info[0], "tids", 0);
  CpuMask masks = arguments.bytes(info[1], "masks");
  const auto size = static_cast<size_t>(arguments.integer(info[2], "size", 1, kLargestMask));
  const std::string proc = arguments.path(info[3], "proc");
  const Control control = arguments.control(info[4]);
  if (masks.size() != size && masks.size() != size * tids.size()) {
    arguments.outOfRange("one mask of the size given, or one a task,", "masks");
  }
  if (!arguments.ok()) return info.Env().Undefined();
  Result<Proc> opened = Proc::open(proc);
  if (throwIf(info.Env(), opened.failure)) return info.Env().Undefined();
  SetJob job(resolvedAll(std::move(tids)), std::move(masks), size, std::move(opened.value), control);
  return perform(info.Env(), std::move(job), info[4], mode);
}

}  // namespace vfio_isolate
