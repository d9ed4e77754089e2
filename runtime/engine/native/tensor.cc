// Tensors of the eager context, made from and copied to typed arrays.
#include <cstring>

#include "tensorflow.h"

namespace srdit {

OwnedTensor hostTensor(TF_DataType dtype, const std::vector<int64_t>& shape, const Bytes& bytes) {
  size_t want = TF_DataTypeSize(dtype);
  for (int64_t extent : shape) want *= static_cast<size_t>(extent);
  if (want != bytes.size) {
    throw std::invalid_argument("The shape needs " + std::to_string(want) + " bytes, the data has " + std::to_string(bytes.size));
  }
  OwnedTensor tensor(TF_AllocateTensor(dtype, shape.data(), static_cast<int>(shape.size()), want));
  if (!tensor) throw std::bad_alloc();
  if (want > 0) std::memcpy(TF_TensorData(tensor.get()), bytes.data, want);
  return tensor;
}

namespace {

// newTensor(context, dtype, shape, typed array, device): device "" leaves it on the host.
napi_value newTensor(Call& call) {
  TFE_Context* context = call.native<Context>(call[0]).context;
  OwnedTensor host = hostTensor(static_cast<TF_DataType>(call.integer(call[1])), call.integers(call[2]), call.bytes(call[3]));
  Status status;
  OwnedHandle handle(TFE_NewTensorHandle(host.get(), status));
  status.check();
  const std::string device = call.text(call[4]);
  if (!device.empty()) {
    OwnedHandle moved(TFE_TensorHandleCopyToDevice(handle.get(), context, device.c_str(), status));
    status.check();
    handle = std::move(moved);
  }
  return call.external(std::make_unique<Tensor>(std::move(handle)));
}

napi_value deleteTensor(Call& call) {
  call.native<Tensor>(call[0]).handle.reset();
  return call.nothing();
}

napi_value tensorType(Call& call) { return call.number(TFE_TensorHandleDataType(call.native<Tensor>(call[0]).get())); }

napi_value tensorShape(Call& call) {
  TFE_TensorHandle* handle = call.native<Tensor>(call[0]).get();
  Status status;
  std::vector<int64_t> shape(static_cast<size_t>(TFE_TensorHandleNumDims(handle, status)));
  status.check();
  for (size_t i = 0; i < shape.size(); ++i) {
    shape[i] = TFE_TensorHandleDim(handle, static_cast<int>(i), status);
    status.check();
  }
  return call.numbers(shape);
}

// readTensor(tensor): ArrayBuffer with a copy of the values. Waits for the device.
napi_value readTensor(Call& call) {
  Status status;
  OwnedTensor host(TFE_TensorHandleResolve(call.native<Tensor>(call[0]).get(), status));
  status.check();
  const size_t size = TF_TensorByteSize(host.get());
  void* data = nullptr;
  napi_value buffer = nullptr;
  must(napi_create_arraybuffer(call.env, size, &data, &buffer), "memory");
  if (size > 0) std::memcpy(data, TF_TensorData(host.get()), size);
  return buffer;
}

}  // namespace

void defineTensor(napi_env env, napi_value exports) {
  define<newTensor>(env, exports, "newTensor");
  define<deleteTensor>(env, exports, "deleteTensor");
  define<tensorType>(env, exports, "tensorType");
  define<tensorShape>(env, exports, "tensorShape");
  define<readTensor>(env, exports, "readTensor");
}

}  // namespace srdit
