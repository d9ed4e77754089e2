// What this addon needs of Node-API, with exceptions instead of status codes. A callback is a plain function
// of Call that returns a value or throws; `guarded` turns what it throws into a JavaScript error.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace srdit {

inline void must(napi_status status, const char* what) {
  if (status != napi_ok) throw std::invalid_argument(std::string("Bad argument: expected ") + what);
}

// What a JavaScript external points at; deleted when the external is collected.
struct Native {
  virtual ~Native() = default;
};

struct Bytes {
  void* data = nullptr;
  size_t size = 0;
};

class Call {
 public:
  static constexpr size_t kMost = 8;

  explicit Call(napi_env env) : env(env) {}

  Call(napi_env env, napi_callback_info info) : env(env) {
    size_t count = kMost;
    must(napi_get_cb_info(env, info, &count, arguments_, nullptr, nullptr), "arguments");
  }

  napi_value operator[](size_t index) const { return arguments_[index]; }

  std::string text(napi_value value) const {
    size_t length = 0;
    must(napi_get_value_string_utf8(env, value, nullptr, 0, &length), "a string");
    std::string text(length, '\0');
    must(napi_get_value_string_utf8(env, value, text.data(), length + 1, &length), "a string");
    return text;
  }

  int64_t integer(napi_value value) const {
    int64_t number = 0;
    must(napi_get_value_int64(env, value, &number), "a number");
    return number;
  }

  double real(napi_value value) const {
    double number = 0;
    must(napi_get_value_double(env, value, &number), "a number");
    return number;
  }

  bool truth(napi_value value) const {
    bool flag = false;
    must(napi_get_value_bool(env, value, &flag), "a boolean");
    return flag;
  }

  bool isArray(napi_value value) const {
    bool flag = false;
    must(napi_is_array(env, value, &flag), "a value");
    return flag;
  }

  size_t length(napi_value array) const {
    uint32_t count = 0;
    must(napi_get_array_length(env, array, &count), "an array");
    return count;
  }

  napi_value item(napi_value array, size_t index) const {
    napi_value value = nullptr;
    must(napi_get_element(env, array, static_cast<uint32_t>(index), &value), "an array");
    return value;
  }

  std::vector<int64_t> integers(napi_value array) const {
    std::vector<int64_t> numbers(length(array));
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = integer(item(array, i));
    return numbers;
  }

  Bytes bytes(napi_value value) const {
    napi_typedarray_type type;
    size_t count = 0;
    Bytes bytes;
    must(napi_get_typedarray_info(env, value, &type, &count, &bytes.data, nullptr, nullptr), "a typed array");
    static constexpr size_t kWidth[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
    bytes.size = count * kWidth[type];
    return bytes;
  }

  template <class T>
  T& native(napi_value value) const {
    void* pointer = nullptr;
    must(napi_get_value_external(env, value, &pointer), "a native handle");
    T* object = dynamic_cast<T*>(static_cast<Native*>(pointer));
    if (object == nullptr) throw std::invalid_argument("Bad argument: a native handle of another kind");
    return *object;
  }

  napi_value number(double value) const {
    napi_value result = nullptr;
    must(napi_create_double(env, value, &result), "a number");
    return result;
  }

  napi_value string(const std::string& value) const {
    napi_value result = nullptr;
    must(napi_create_string_utf8(env, value.data(), value.size(), &result), "a string");
    return result;
  }

  napi_value array(const std::vector<napi_value>& values) const {
    napi_value result = nullptr;
    must(napi_create_array_with_length(env, values.size(), &result), "an array");
    for (size_t i = 0; i < values.size(); ++i) {
      must(napi_set_element(env, result, static_cast<uint32_t>(i), values[i]), "an array");
    }
    return result;
  }

  napi_value numbers(const std::vector<int64_t>& values) const {
    std::vector<napi_value> items;
    items.reserve(values.size());
    for (int64_t value : values) items.push_back(number(static_cast<double>(value)));
    return array(items);
  }

  napi_value external(std::unique_ptr<Native> object) const {
    napi_value result = nullptr;
    must(napi_create_external(
             env, object.get(), [](napi_env, void* data, void*) { delete static_cast<Native*>(data); }, nullptr, &result),
         "memory");
    object.release();
    return result;
  }

  napi_value nothing() const {
    napi_value result = nullptr;
    must(napi_get_undefined(env, &result), "undefined");
    return result;
  }

  napi_env env;

 private:
  napi_value arguments_[kMost] = {};
};

// The error's code is TensorFlow's name of the status ("UNAVAILABLE"), or none.
class CodedError : public std::runtime_error {
 public:
  CodedError(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  std::string code;
};

inline napi_value errorObject(napi_env env, const std::string& code, const std::string& message) {
  napi_value code_value = nullptr, text = nullptr, error = nullptr;
  if (!code.empty()) napi_create_string_utf8(env, code.data(), code.size(), &code_value);
  napi_create_string_utf8(env, message.data(), message.size(), &text);
  napi_create_error(env, code_value, text, &error);
  return error;
}

template <napi_value (*F)(Call&)>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    Call call(env, info);
    return F(call);
  } catch (const CodedError& error) {
    napi_throw(env, errorObject(env, error.code, error.what()));
  } catch (const std::exception& error) {
    napi_throw(env, errorObject(env, "", error.what()));
  }
  return nullptr;
}

template <napi_value (*F)(Call&)>
void define(napi_env env, napi_value exports, const char* name) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, guarded<F>, nullptr, &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace srdit
