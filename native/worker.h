#pragma once

#include <napi.h>

#include <memory>
#include <utility>

#include "error.h"
#include "failure.h"

namespace vfio_isolate {

/** Whether a call returns a promise and leaves the event loop free, or returns when all is done. */
enum class Mode { kAsync, kSync };

/**
 * Runs a job off the event loop. A job has `Failure run()`, which must not touch JavaScript, and
 * `Napi::Value result(Napi::Env)`.
 */
template <typename Job>
class Worker final : public Napi::AsyncWorker {
 public:
  /** `held` lives as long as the job: the array behind its control. */
  static Napi::Value start(Napi::Env env, Job job, const Napi::Value &held) {
    auto worker = std::unique_ptr<Worker>(new Worker(env, std::move(job), held));
    const Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    static_cast<void>(worker.release());  // It deletes itself once it has settled its promise.
    return promise;
  }

 private:
  Worker(Napi::Env env, Job job, const Napi::Value &held)
      : AsyncWorker(env, "vfio-isolate"),
        deferred_(env),
        job_(std::move(job)),
        held_(Napi::Persistent(held.As<Napi::Object>())) {}

  void Execute() override { failure_ = job_.run(); }

  void OnOK() override {
    if (failure_) {
      deferred_.Reject(toError(Env(), failure_));
    } else {
      deferred_.Resolve(job_.result(Env()));
    }
  }

  Napi::Promise::Deferred deferred_;
  Job job_;
  Napi::ObjectReference held_;
  Failure failure_;
};

/** Runs a job either way: what a worker would reject by is thrown. */
template <typename Job>
Napi::Value perform(Napi::Env env, Job job, const Napi::Value &held, Mode mode) {
  if (mode == Mode::kAsync) return Worker<Job>::start(env, std::move(job), held);
  const Failure failure = job.run();
  return throwIf(env, failure) ? env.Undefined() : job.result(env);
}

}  // namespace vfio_isolate
