#include "tensors.h"

#include <c10/core/InferenceMode.h>

#include <stdexcept>
#include <unordered_set>

namespace motioncue {
namespace {
std::vector<at::Tensor> table;
std::vector<int32_t> freeSlots;
int32_t described[kMaxOutputs * kDescription];
}  // namespace

int32_t keep(at::Tensor tensor) {
  if (freeSlots.empty()) {
    table.push_back(std::move(tensor));
    return static_cast<int32_t>(table.size()) - 1;
  }
  const int32_t slot = freeSlots.back();
  freeSlots.pop_back();
  table[slot] = std::move(tensor);
  return slot;
}

const at::Tensor& tensorOf(int32_t handle) {
  if (handle < 0 || handle >= static_cast<int32_t>(table.size()) || !table[handle].defined()) {
    throw std::runtime_error("tensor " + std::to_string(handle) + " is not in use (disposed?)");
  }
  return table[handle];
}

void release(int32_t handle) {
  tensorOf(handle);
  table[handle] = at::Tensor();
  freeSlots.push_back(handle);
}

int64_t keptCount() { return static_cast<int64_t>(table.size() - freeSlots.size()); }

int64_t keptBytes() {
  int64_t bytes = 0;
  std::unordered_set<const c10::StorageImpl*> seen;
  for (const auto& tensor : table) {
    if (!tensor.defined()) continue;
    const auto* storage = tensor.storage().unsafeGetStorageImpl();
    if (seen.insert(storage).second) bytes += static_cast<int64_t>(storage->nbytes());
  }
  return bytes;
}

int32_t dtypeCode(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat: return 0;
    case at::kInt: return 1;
    case at::kBool: return 2;
    case at::kComplexFloat: return 3;
    case at::kLong: return 4;
    case at::kBFloat16: return 6;
    default: return 5;
  }
}

c10::ScalarType scalarType(int32_t code) {
  static const c10::ScalarType types[] = {at::kFloat, at::kInt, at::kBool, at::kComplexFloat, at::kLong};
  if (code < 0 || code > 4) throw std::runtime_error("unknown dtype code " + std::to_string(code));
  return types[code];
}

void describe(int output, const at::Tensor& tensor) {
  if (output >= kMaxOutputs) return;
  if (tensor.dim() > kMaxRank) throw std::runtime_error("a tensor of rank " + std::to_string(tensor.dim()) + " (at most 8)");
  int32_t* place = described + output * kDescription;
  place[0] = static_cast<int32_t>(tensor.dim());
  place[1] = dtypeCode(tensor);
  for (int64_t d = 0; d < tensor.dim(); d++) place[2 + d] = static_cast<int32_t>(tensor.size(d));
}

int32_t* descriptions() { return described; }

Arguments::Arguments(napi_env e, napi_callback_info info) : env(e) { napi_get_cb_info(env, info, &count, values, nullptr, nullptr); }

int32_t Arguments::integer(size_t i) const {
  int32_t value = 0;
  if (i >= count || napi_get_value_int32(env, values[i], &value) != napi_ok) {
    throw std::runtime_error("argument " + std::to_string(i) + " must be an integer");
  }
  return value;
}

double Arguments::number(size_t i) const {
  double value = 0;
  if (i >= count || napi_get_value_double(env, values[i], &value) != napi_ok) {
    throw std::runtime_error("argument " + std::to_string(i) + " must be a number");
  }
  return value;
}

bool Arguments::boolean(size_t i) const {
  bool value = false;
  if (i < count) napi_get_value_bool(env, values[i], &value);
  return value;
}

bool Arguments::absent(size_t i) const {
  if (i >= count) return true;
  napi_valuetype type;
  napi_typeof(env, values[i], &type);
  return type == napi_undefined || type == napi_null;
}

std::vector<int64_t> Arguments::integers(size_t i) const {
  uint32_t length = 0;
  if (i >= count || napi_get_array_length(env, values[i], &length) != napi_ok) {
    throw std::runtime_error("argument " + std::to_string(i) + " must be an array of integers");
  }
  std::vector<int64_t> out(length);
  for (uint32_t k = 0; k < length; k++) {
    napi_value item;
    napi_get_element(env, values[i], k, &item);
    napi_get_value_int64(env, item, &out[k]);
  }
  return out;
}

napi_value toNumber(napi_env env, double value) {
  napi_value out;
  napi_create_double(env, value, &out);
  return out;
}

napi_value result(napi_env env, at::Tensor tensor) {
  describe(0, tensor);
  napi_value out;
  napi_create_int32(env, keep(std::move(tensor)), &out);
  return out;
}

napi_value results(napi_env env, const std::vector<at::Tensor>& tensors) {
  napi_value list;
  napi_create_array_with_length(env, tensors.size(), &list);
  for (size_t i = 0; i < tensors.size(); i++) {
    int32_t handle = -1;
    if (tensors[i].defined()) {
      describe(static_cast<int>(i), tensors[i]);
      handle = keep(tensors[i]);
    }
    napi_value number;
    napi_create_int32(env, handle, &number);
    napi_set_element(env, list, static_cast<uint32_t>(i), number);
  }
  return list;
}

void throwJs(napi_env env, const std::exception& error) {
  std::string text = error.what();
  const auto end = text.find("\nException raised from");
  if (end != std::string::npos) text.resize(end);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  napi_throw_error(env, nullptr, text.c_str());
}

namespace {
napi_value invoke(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  c10::InferenceMode guard;
  try {
    const Arguments arguments(env, info);
    return reinterpret_cast<Body>(data)(arguments);
  } catch (const std::exception& error) {
    throwJs(env, error);
    return nullptr;
  }
}
}  // namespace

void define(napi_env env, napi_value exports, const char* name, Body body) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, invoke, reinterpret_cast<void*>(body), &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace motioncue
