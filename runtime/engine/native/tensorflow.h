// TensorFlow's C objects, owned.
#pragma once

#include <memory>
#include <string>

#include "napi.h"
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/c_api_experimental.h"
#include "tensorflow/c/eager/c_api.h"
#include "tensorflow/c/eager/c_api_experimental.h"

namespace srdit {

template <class T, void (*Delete)(T*)>
struct Deleter {
  void operator()(T* pointer) const { Delete(pointer); }
};
template <class T, void (*Delete)(T*)>
using Owned = std::unique_ptr<T, Deleter<T, Delete>>;

using OwnedTensor = Owned<TF_Tensor, TF_DeleteTensor>;
using OwnedHandle = Owned<TFE_TensorHandle, TFE_DeleteTensorHandle>;
using OwnedOp = Owned<TFE_Op, TFE_DeleteOp>;
using OwnedGraph = Owned<TF_Graph, TF_DeleteGraph>;
using OwnedFunction = Owned<TF_Function, TF_DeleteFunction>;
using OwnedDevices = Owned<TF_DeviceList, TF_DeleteDeviceList>;
using OwnedOptions = Owned<TFE_ContextOptions, TFE_DeleteContextOptions>;

class Status {
 public:
  operator TF_Status*() const { return status_.get(); }
  bool ok() const { return TF_GetCode(status_.get()) == TF_OK; }
  std::string message() const { return TF_Message(status_.get()); }
  std::string code() const;
  void check() const {
    if (!ok()) throw CodedError(code(), message());
  }

 private:
  Owned<TF_Status, TF_DeleteStatus> status_{TF_NewStatus()};
};

// Never deleted: its devices must outlive every handle, and a collector frees those in any order. One a process.
struct Context : Native {
  explicit Context(TFE_Context* context) : context(context) {}
  TFE_Context* context;
};

struct Tensor : Native {
  explicit Tensor(OwnedHandle handle) : handle(std::move(handle)) {}
  TFE_TensorHandle* get() const {
    if (!handle) throw CodedError("DISPOSED", "The tensor has been disposed");
    return handle.get();
  }
  OwnedHandle handle;
};

// A host tensor with a copy of the bytes given.
OwnedTensor hostTensor(TF_DataType dtype, const std::vector<int64_t>& shape, const Bytes& bytes);

void defineContext(napi_env env, napi_value exports);
void defineTensor(napi_env env, napi_value exports);
void defineExecute(napi_env env, napi_value exports);
void defineGraph(napi_env env, napi_value exports);

}  // namespace srdit
