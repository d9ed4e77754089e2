// Ops and functions of the eager context, run at once or off the event loop.
#include "attributes.h"
#include "tensorflow.h"
#include "work.h"

namespace srdit {
namespace {

struct Execute : Work {
  OwnedOp op;
  std::vector<TFE_TensorHandle*> outputs;

  void run() override {
    Status status;
    int count = static_cast<int>(outputs.size());
    TFE_Execute(op.get(), outputs.data(), &count, status);
    // The op holds its inputs: let go of them here, not when the event loop comes round.
    op.reset();
    status.check();
    outputs.resize(static_cast<size_t>(count));
  }

  napi_value result(const Call& call) override {
    std::vector<OwnedHandle> owned;
    for (TFE_TensorHandle*& handle : outputs) owned.emplace_back(std::exchange(handle, nullptr));
    std::vector<napi_value> values;
    for (OwnedHandle& handle : owned) values.push_back(call.external(std::make_unique<Tensor>(std::move(handle))));
    return call.array(values);
  }
};

// (context, op or function, attributes, inputs, number of outputs, device)
std::unique_ptr<Execute> prepare(Call& call) {
  auto work = std::make_unique<Execute>();
  Status status;
  work->op.reset(TFE_NewOp(call.native<Context>(call[0]).context, call.text(call[1]).c_str(), status));
  status.check();
  TFE_Op* op = work->op.get();
  const std::string device = call.text(call[5]);
  if (!device.empty()) {
    TFE_OpSetDevice(op, device.c_str(), status);
    status.check();
  }
  for (size_t i = 0, count = call.length(call[3]); i < count; ++i) {
    TFE_OpAddInput(op, call.native<Tensor>(call.item(call[3], i)).get(), status);
    status.check();
  }
  setAttributes(call, call[2], EagerAttributes{op});
  work->outputs.resize(static_cast<size_t>(call.integer(call[4])), nullptr);
  return work;
}

napi_value execute(Call& call) {
  std::unique_ptr<Execute> work = prepare(call);
  work->run();
  return work->result(call);
}

napi_value executeAsync(Call& call) { return start(call, prepare(call)); }

}  // namespace

void defineExecute(napi_env env, napi_value exports) {
  define<execute>(env, exports, "execute");
  define<executeAsync>(env, exports, "executeAsync");
}

}  // namespace srdit
