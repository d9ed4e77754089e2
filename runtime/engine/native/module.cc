// srdit.node: the part of TensorFlow's C API that the engine uses, one function each. ../addon.ts has their types.
#include "tensorflow.h"

NAPI_MODULE_INIT() {
  srdit::defineContext(env, exports);
  srdit::defineTensor(env, exports);
  srdit::defineExecute(env, exports);
  srdit::defineGraph(env, exports);
  return exports;
}
