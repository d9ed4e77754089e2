// A piece of blocking work, done on one of libuv's threads, seen from JavaScript as a promise.
#pragma once

#include <memory>
#include <string>

#include "napi.h"

namespace srdit {

struct Work {
  virtual ~Work() = default;
  // On the worker thread. May throw.
  virtual void run() = 0;
  // On the event loop, after run: the promise's value.
  virtual napi_value result(const Call& call) { return call.nothing(); }
};

// Starts the work; the promise rejects with what run or result throws.
napi_value start(const Call& call, std::unique_ptr<Work> work);

}  // namespace srdit
