// Attributes of an op, given from JavaScript as a flat list: name, kind, value, name, kind, value, ...
// Kinds are TensorFlow's TF_AttrType; a list is an array of its kind.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tensorflow.h"

namespace srdit {

struct EagerAttributes {
  TFE_Op* op;
  void text(const char* name, const std::string& value) { TFE_OpSetAttrString(op, name, value.data(), value.size()); }
  void integer(const char* name, int64_t value) { TFE_OpSetAttrInt(op, name, value); }
  void integers(const char* name, const std::vector<int64_t>& value) {
    TFE_OpSetAttrIntList(op, name, value.data(), static_cast<int>(value.size()));
  }
  void real(const char* name, float value) { TFE_OpSetAttrFloat(op, name, value); }
  void truth(const char* name, bool value) { TFE_OpSetAttrBool(op, name, value ? 1 : 0); }
  void type(const char* name, TF_DataType value) { TFE_OpSetAttrType(op, name, value); }
  void shape(const char* name, const std::vector<int64_t>& value) {
    Status status;
    TFE_OpSetAttrShape(op, name, value.data(), static_cast<int>(value.size()), status);
    status.check();
  }
};

struct GraphAttributes {
  TF_OperationDescription* op;
  void text(const char* name, const std::string& value) { TF_SetAttrString(op, name, value.data(), value.size()); }
  void integer(const char* name, int64_t value) { TF_SetAttrInt(op, name, value); }
  void integers(const char* name, const std::vector<int64_t>& value) {
    TF_SetAttrIntList(op, name, value.data(), static_cast<int>(value.size()));
  }
  void real(const char* name, float value) { TF_SetAttrFloat(op, name, value); }
  void truth(const char* name, bool value) { TF_SetAttrBool(op, name, value ? 1 : 0); }
  void type(const char* name, TF_DataType value) { TF_SetAttrType(op, name, value); }
  void shape(const char* name, const std::vector<int64_t>& value) {
    TF_SetAttrShape(op, name, value.data(), static_cast<int>(value.size()));
  }
};

template <class Target>
void setAttributes(const Call& call, napi_value list, Target target) {
  for (size_t i = 0, count = call.length(list); i + 2 < count; i += 3) {
    const std::string name = call.text(call.item(list, i));
    const auto kind = static_cast<TF_AttrType>(call.integer(call.item(list, i + 1)));
    const napi_value value = call.item(list, i + 2);
    switch (kind) {
      case TF_ATTR_STRING: target.text(name.c_str(), call.text(value)); break;
      case TF_ATTR_INT:
        if (call.isArray(value)) target.integers(name.c_str(), call.integers(value));
        else target.integer(name.c_str(), call.integer(value));
        break;
      case TF_ATTR_FLOAT: target.real(name.c_str(), static_cast<float>(call.real(value))); break;
      case TF_ATTR_BOOL: target.truth(name.c_str(), call.truth(value)); break;
      case TF_ATTR_TYPE: target.type(name.c_str(), static_cast<TF_DataType>(call.integer(value))); break;
      case TF_ATTR_SHAPE: target.shape(name.c_str(), call.integers(value)); break;
      default: throw std::invalid_argument("Attribute \"" + name + "\" is of a kind this addon does not set");
    }
  }
}

}  // namespace srdit
