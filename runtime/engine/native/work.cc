#include "work.h"

#include "tensorflow.h"

namespace srdit {
namespace {

struct Job {
  std::unique_ptr<Work> work;
  napi_async_work handle = nullptr;
  napi_deferred deferred = nullptr;
  bool failed = false;
  std::string code, message;

  void fail(const std::exception& error) {
    failed = true;
    message = error.what();
    if (const auto* coded = dynamic_cast<const CodedError*>(&error)) code = coded->code;
  }
};

void execute(napi_env, void* data) {
  auto* job = static_cast<Job*>(data);
  try {
    job->work->run();
  } catch (const std::exception& error) {
    job->fail(error);
  }
}

void complete(napi_env env, napi_status, void* data) {
  std::unique_ptr<Job> job(static_cast<Job*>(data));
  napi_value value = nullptr;
  if (!job->failed) {
    try {
      value = job->work->result(Call(env));
    } catch (const std::exception& error) {
      job->fail(error);
    }
  }
  if (job->failed) {
    napi_reject_deferred(env, job->deferred, errorObject(env, job->code, job->message));
  } else {
    napi_resolve_deferred(env, job->deferred, value);
  }
  napi_delete_async_work(env, job->handle);
}

}  // namespace

napi_value start(const Call& call, std::unique_ptr<Work> work) {
  auto job = std::make_unique<Job>();
  job->work = std::move(work);
  napi_value promise = nullptr;
  must(napi_create_promise(call.env, &job->deferred, &promise), "a promise");
  must(napi_create_async_work(call.env, nullptr, call.string("srdit"), execute, complete, job.get(), &job->handle), "work");
  must(napi_queue_async_work(call.env, job->handle), "a queue");
  job.release();
  return promise;
}

}  // namespace srdit
