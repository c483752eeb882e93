// Any ATen operator by name: findOperator("add.Tensor") once, then call(id, arguments...).
// Arguments are converted by the operator's own schema, so a new kernel needs no C++.
#include "dispatch.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

#include <stdexcept>

#include "device.h"
#include "tensors.h"

namespace motioncue {
namespace {

enum class Kind { Tensor, TensorList, OptionalTensorList, Integer, Float, Boolean, Scalar, IntegerList, FloatList, BooleanList, Text, Device, Other };

struct Parameter {
  Kind kind;
  bool optional;
  c10::optional<c10::IValue> fallback;
};

struct Operator {
  c10::OperatorHandle handle;
  std::vector<Parameter> parameters;
};

std::vector<Operator> operators;

Kind kindOf(c10::TypePtr type, bool& optional) {
  if (auto inner = type->cast<c10::OptionalType>()) {
    optional = true;
    type = inner->getElementType();
  }
  switch (type->kind()) {
    case c10::TypeKind::TensorType: return Kind::Tensor;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: return Kind::Integer;
    case c10::TypeKind::FloatType: return Kind::Float;
    case c10::TypeKind::BoolType: return Kind::Boolean;
    case c10::TypeKind::NumberType: return Kind::Scalar;
    case c10::TypeKind::StringType: return Kind::Text;
    case c10::TypeKind::DeviceObjType: return Kind::Device;
    case c10::TypeKind::ListType: {
      bool inner = false;
      const auto element = type->castRaw<c10::ListType>()->getElementType();
      switch (kindOf(element, inner)) {
        case Kind::Tensor: return inner ? Kind::OptionalTensorList : Kind::TensorList;
        case Kind::Integer: return Kind::IntegerList;
        case Kind::Float: return Kind::FloatList;
        case Kind::Boolean: return Kind::BooleanList;
        default: return Kind::Other;
      }
    }
    default: return Kind::Other;
  }
}

napi_value findOperator(const Arguments& in) {
  char name[128];
  size_t length = 0;
  napi_get_value_string_utf8(in.env, in.values[0], name, sizeof(name), &length);
  std::string base(name, length), overload;
  const auto dot = base.find('.');
  if (dot != std::string::npos) {
    overload = base.substr(dot + 1);
    base.resize(dot);
  }
  if (base.find("::") == std::string::npos) base = "aten::" + base;
  auto found = c10::Dispatcher::singleton().findSchema({base, overload});
  if (!found) throw std::runtime_error("this libtorch has no operator " + base + (overload.empty() ? "" : "." + overload));
  Operator op{*found, {}};
  for (const auto& argument : found->schema().arguments()) {
    Parameter parameter{Kind::Other, false, argument.default_value()};
    parameter.kind = kindOf(argument.type(), parameter.optional);
    op.parameters.push_back(std::move(parameter));
  }
  operators.push_back(std::move(op));
  return toNumber(in.env, static_cast<double>(operators.size() - 1));
}

c10::IValue numberValue(const Arguments& in, napi_value value) {
  napi_valuetype type;
  napi_typeof(in.env, value, &type);
  if (type == napi_boolean) {
    bool flag = false;
    napi_get_value_bool(in.env, value, &flag);
    return flag;
  }
  double number = 0;
  if (napi_get_value_double(in.env, value, &number) != napi_ok) throw std::runtime_error("expected a number");
  const auto whole = static_cast<int64_t>(number);
  if (static_cast<double>(whole) == number) return whole;
  return number;
}

c10::IValue convert(const Arguments& in, size_t i, const Parameter& parameter) {
  if (in.absent(i)) {
    // Operators that make tensors from nothing make them where all others are.
    if (parameter.kind == Kind::Device && !device().is_cpu()) return c10::IValue(device());
    if (parameter.fallback) return *parameter.fallback;
    if (parameter.optional) return c10::IValue();
    throw std::runtime_error("argument " + std::to_string(i) + " is missing");
  }
  switch (parameter.kind) {
    case Kind::Tensor: return in.tensor(i);
    case Kind::TensorList: {
      c10::List<at::Tensor> list;
      for (const auto handle : in.integers(i)) list.push_back(tensorOf(static_cast<int32_t>(handle)));
      return list;
    }
    case Kind::OptionalTensorList: {
      c10::List<c10::optional<at::Tensor>> list;
      for (const auto handle : in.integers(i)) {
        list.push_back(handle < 0 ? c10::optional<at::Tensor>() : c10::optional<at::Tensor>(tensorOf(static_cast<int32_t>(handle))));
      }
      return list;
    }
    case Kind::Integer: return static_cast<int64_t>(in.number(i));
    case Kind::Float: return in.number(i);
    case Kind::Boolean: return in.boolean(i);
    case Kind::Scalar: return numberValue(in, in.values[i]);
    case Kind::IntegerList: return in.integers(i);
    case Kind::FloatList:
    case Kind::BooleanList: {
      c10::List<double> floats;
      c10::List<bool> flags;
      uint32_t length = 0;
      napi_get_array_length(in.env, in.values[i], &length);
      for (uint32_t k = 0; k < length; k++) {
        napi_value item;
        napi_get_element(in.env, in.values[i], k, &item);
        const auto value = numberValue(in, item);
        if (parameter.kind == Kind::FloatList) {
          floats.push_back(value.toScalar().toDouble());
        } else {
          flags.push_back(value.toBool());
        }
      }
      return parameter.kind == Kind::FloatList ? c10::IValue(floats) : c10::IValue(flags);
    }
    case Kind::Text: {
      char text[64];
      size_t length = 0;
      napi_get_value_string_utf8(in.env, in.values[i], text, sizeof(text), &length);
      return std::string(text, length);
    }
    case Kind::Device: throw std::runtime_error("devices are chosen for the whole process");
    case Kind::Other: return static_cast<int64_t>(in.number(i));
  }
  throw std::runtime_error("unreachable");
}

napi_value call(const Arguments& in) {
  const auto id = static_cast<size_t>(in.integer(0));
  if (id >= operators.size()) throw std::runtime_error("unknown operator number");
  const Operator& op = operators[id];
  torch::jit::Stack stack;
  stack.reserve(op.parameters.size());
  // values[0] is the operator's number, so parameter i stands at i + 1.
  for (size_t i = 0; i < op.parameters.size(); i++) stack.push_back(convert(in, i + 1, op.parameters[i]));
  op.handle.callBoxed(&stack);
  if (stack.size() == 1 && stack[0].isTensor()) return result(in.env, stack[0].toTensor());
  std::vector<at::Tensor> outputs;
  for (const auto& value : stack) {
    if (value.isTensor()) {
      outputs.push_back(value.toTensor());
    } else if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorList()) outputs.push_back(tensor);
    } else {
      throw std::runtime_error("an operator gave something that is not a tensor");
    }
  }
  return results(in.env, outputs);
}

}  // namespace

void defineDispatch(napi_env env, napi_value exports) {
  define(env, exports, "findOperator", findOperator);
  define(env, exports, "call", call);
}

}  // namespace motioncue
