// The eager context: devices, functions and the collective runtime.
#include "tensorflow.h"
#include "work.h"

namespace srdit {

std::string Status::code() const {
  switch (TF_GetCode(status_.get())) {
    case TF_OK: return "OK";
    case TF_CANCELLED: return "CANCELLED";
    case TF_UNKNOWN: return "UNKNOWN";
    case TF_INVALID_ARGUMENT: return "INVALID_ARGUMENT";
    case TF_DEADLINE_EXCEEDED: return "DEADLINE_EXCEEDED";
    case TF_NOT_FOUND: return "NOT_FOUND";
    case TF_ALREADY_EXISTS: return "ALREADY_EXISTS";
    case TF_PERMISSION_DENIED: return "PERMISSION_DENIED";
    case TF_UNAUTHENTICATED: return "UNAUTHENTICATED";
    case TF_RESOURCE_EXHAUSTED: return "RESOURCE_EXHAUSTED";
    case TF_FAILED_PRECONDITION: return "FAILED_PRECONDITION";
    case TF_ABORTED: return "ABORTED";
    case TF_OUT_OF_RANGE: return "OUT_OF_RANGE";
    case TF_UNIMPLEMENTED: return "UNIMPLEMENTED";
    case TF_INTERNAL: return "INTERNAL";
    case TF_UNAVAILABLE: return "UNAVAILABLE";
    case TF_DATA_LOSS: return "DATA_LOSS";
  }
  return "UNKNOWN";
}

namespace {

napi_value version(Call& call) { return call.string(TF_Version()); }

// newContext(serialized ConfigProto)
napi_value newContext(Call& call) {
  const Bytes config = call.bytes(call[0]);
  OwnedOptions options(TFE_NewContextOptions());
  Status status;
  TFE_ContextOptionsSetConfig(options.get(), config.data, config.size, status);
  status.check();
  TFE_ContextOptionsSetDevicePlacementPolicy(options.get(), TFE_DEVICE_PLACEMENT_SILENT);
  TFE_Context* context = TFE_NewContext(options.get(), status);
  status.check();
  return call.external(std::make_unique<Context>(context));
}

// deviceTypes(context): "CPU", "GPU", ... in TensorFlow's order
napi_value deviceTypes(Call& call) {
  Status status;
  OwnedDevices devices(TFE_ContextListDevices(call.native<Context>(call[0]).context, status));
  status.check();
  std::vector<napi_value> types;
  for (int i = 0; i < TF_DeviceListCount(devices.get()); ++i) {
    const char* type = TF_DeviceListType(devices.get(), i, status);
    status.check();
    types.push_back(call.string(type));
  }
  return call.array(types);
}

// removeFunction(context, name)
napi_value removeFunction(Call& call) {
  Status status;
  TFE_ContextRemoveFunction(call.native<Context>(call[0]).context, call.text(call[1]).c_str(), status);
  status.check();
  return call.nothing();
}

struct EnableCollectives : Work {
  TFE_Context* context = nullptr;
  std::string server;
  void run() override {
    Status status;
    TFE_EnableCollectiveOps(context, server.data(), server.size(), status);
    status.check();
  }
};

// enableCollectives(context, serialized ServerDef): Promise<void>. Starts the gRPC server of this task.
napi_value enableCollectives(Call& call) {
  auto work = std::make_unique<EnableCollectives>();
  work->context = call.native<Context>(call[0]).context;
  const Bytes server = call.bytes(call[1]);
  work->server.assign(static_cast<const char*>(server.data), server.size);
  return start(call, std::move(work));
}

struct CheckPeer : Work {
  TFE_Context* context = nullptr;
  std::string task;
  int64_t timeout = 0;
  void run() override {
    Status status;
    TFE_CollectiveOpsCheckPeerHealth(context, task.c_str(), timeout, status);
    status.check();
  }
};

// checkPeer(context, task, milliseconds): Promise<void>, rejected where the peer does not answer.
napi_value checkPeer(Call& call) {
  auto work = std::make_unique<CheckPeer>();
  work->context = call.native<Context>(call[0]).context;
  work->task = call.text(call[1]);
  work->timeout = call.integer(call[2]);
  return start(call, std::move(work));
}

// abortCollectives(context, message): every collective, pending and future, fails with UNAVAILABLE.
napi_value abortCollectives(Call& call) {
  Status status;
  TF_SetStatus(status, TF_UNAVAILABLE, call.text(call[1]).c_str());
  TFE_AbortCollectiveOps(call.native<Context>(call[0]).context, status);
  return call.nothing();
}

}  // namespace

void defineContext(napi_env env, napi_value exports) {
  define<version>(env, exports, "version");
  define<newContext>(env, exports, "newContext");
  define<deviceTypes>(env, exports, "deviceTypes");
  define<removeFunction>(env, exports, "removeFunction");
  define<enableCollectives>(env, exports, "enableCollectives");
  define<checkPeer>(env, exports, "checkPeer");
  define<abortCollectives>(env, exports, "abortCollectives");
}

}  // namespace srdit
