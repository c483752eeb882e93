// The table of native tensors that JavaScript holds by number, and small helpers that every file of the addon uses.
#pragma once
#include <ATen/core/Tensor.h>
#include <node_api.h>

#include <cstdint>
#include <exception>
#include <string>
#include <vector>

namespace motioncue {

// Puts a tensor into the table and returns its number; numbers are reused after release().
int32_t keep(at::Tensor tensor);
// The tensor of a number; throws for a number that is not in use.
const at::Tensor& tensorOf(int32_t handle);
// Frees the tensor of a number (its memory, when no view shares it).
void release(int32_t handle);
// Number of tensors kept, and the bytes of their storages as the allocator sees them (one that several views share counts once).
int64_t keptCount();
int64_t keptBytes();

// Description of the outputs of the last call, read by JavaScript instead of one more call:
// per output [rank, dtype code, d0, d1, ...] of the first 32 outputs, each of rank 8 at most.
constexpr int kMaxOutputs = 32, kMaxRank = 8, kDescription = kMaxRank + 2;
void describe(int output, const at::Tensor& tensor);
int32_t* descriptions();
// dtype codes shared with native.ts: 0 float32, 1 int32, 2 bool, 3 complex64, 4 int64, 5 other, 6 bfloat16.
int32_t dtypeCode(const at::Tensor& tensor);
c10::ScalarType scalarType(int32_t code);

// Arguments of one JavaScript call.
struct Arguments {
  napi_env env;
  size_t count = 24;
  napi_value values[24];
  Arguments(napi_env env, napi_callback_info info);
  int32_t integer(size_t i) const;
  double number(size_t i) const;
  bool boolean(size_t i) const;
  bool absent(size_t i) const;  // missing, undefined or null
  const at::Tensor& tensor(size_t i) const { return tensorOf(integer(i)); }
  std::vector<int64_t> integers(size_t i) const;
};

napi_value toNumber(napi_env env, double value);
// Keeps and describes one output and returns its handle.
napi_value result(napi_env env, at::Tensor tensor);
// Keeps and describes several outputs and returns an array of their handles (-1 for one that is undefined).
napi_value results(napi_env env, const std::vector<at::Tensor>& tensors);
// Turns a C++ exception into a JavaScript Error (first line of libtorch's message, without its C++ backtrace).
void throwJs(napi_env env, const std::exception& error);

// Registers `name` on the module; the body runs without autograd, its exceptions become JavaScript errors.
using Body = napi_value (*)(const Arguments&);
void define(napi_env env, napi_value exports, const char* name, Body body);

}  // namespace motioncue
