// Data in and out of tensors (each copied once), memory figures and process settings.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <malloc.h>
#include <torch/version.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "device.h"
#include "dispatch.h"
#include "tensors.h"

namespace motioncue {
namespace {

struct Bytes {
  void* data = nullptr;
  size_t size = 0;
};

Bytes bytesOf(const Arguments& in, size_t i) {
  napi_typedarray_type type;
  size_t length = 0, offset = 0;
  napi_value buffer;
  Bytes bytes;
  if (napi_get_typedarray_info(in.env, in.values[i], &type, &length, &bytes.data, &buffer, &offset) != napi_ok) {
    throw std::runtime_error("expected a typed array");
  }
  static const size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  bytes.size = length * sizes[type];
  return bytes;
}

// upload(typedArray | null, shape, dtypeCode): null allocates without filling.
napi_value upload(const Arguments& in) {
  const auto shape = in.integers(1);
  auto tensor = at::empty(shape, at::TensorOptions().dtype(scalarType(in.integer(2))).device(device()));
  if (!in.absent(0)) {
    const Bytes bytes = bytesOf(in, 0);
    if (bytes.size != static_cast<size_t>(tensor.nbytes())) {
      throw std::runtime_error("upload: " + std::to_string(bytes.size) + " bytes given for a tensor of " + std::to_string(tensor.nbytes()));
    }
    if (bytes.size > 0 && tensor.is_cpu()) std::memcpy(tensor.data_ptr(), bytes.data, bytes.size);
    // A copy from pageable memory has read its source when it returns.
    if (bytes.size > 0 && !tensor.is_cpu()) tensor.copy_(at::from_blob(bytes.data, shape, tensor.options().device(at::kCPU)));
  }
  return result(in.env, tensor);
}

// download(handle, typedArray): fills the array, row-major.
napi_value download(const Arguments& in) {
  const at::Tensor& source = in.tensor(0);
  const Bytes bytes = bytesOf(in, 1);
  if (bytes.size != static_cast<size_t>(source.nbytes())) {
    throw std::runtime_error("download: room for " + std::to_string(bytes.size) + " bytes, the tensor has " + std::to_string(source.nbytes()));
  }
  if (bytes.size == 0) return nullptr;
  auto target = at::from_blob(bytes.data, source.sizes(), source.options().device(at::kCPU));
  target.copy_(source);
  return nullptr;
}

napi_value releaseHandle(const Arguments& in) {
  release(in.integer(0));
  return nullptr;
}

napi_value memory(const Arguments& in) {
  napi_value out;
  napi_create_array_with_length(in.env, 2, &out);
  napi_set_element(in.env, out, 0, toNumber(in.env, static_cast<double>(keptCount())));
  napi_set_element(in.env, out, 1, toNumber(in.env, static_cast<double>(keptBytes())));
  return out;
}

napi_value setThreads(const Arguments& in) {
  at::set_num_threads(in.integer(0));
  return nullptr;
}

napi_value threads(const Arguments& in) { return toNumber(in.env, at::get_num_threads()); }

napi_value version(const Arguments& in) {
  napi_value out;
  napi_create_string_utf8(in.env, TORCH_VERSION, NAPI_AUTO_LENGTH, &out);
  return out;
}

napi_value describedOutputs(const Arguments& in) {
  napi_value buffer, array;
  const size_t count = kMaxOutputs * kDescription;
  napi_create_external_arraybuffer(in.env, descriptions(), count * sizeof(int32_t), nullptr, nullptr, &buffer);
  napi_create_typedarray(in.env, napi_int32_array, count, buffer, 0, &array);
  return array;
}

// Large activations come and go every step. Keeping their pages (no mmap per block, no trimming on free) saves the page
// faults of touching them anew: a training step of ResNet-50 on 8 frames took 0.78 s in place of 0.98 s (2 cores, batch norm frozen).
void keepPages() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace

void defineTransfer(napi_env env, napi_value exports) {
  keepPages();
  define(env, exports, "upload", upload);
  define(env, exports, "download", download);
  define(env, exports, "release", releaseHandle);
  define(env, exports, "memory", memory);
  define(env, exports, "setThreads", setThreads);
  define(env, exports, "threads", threads);
  define(env, exports, "version", version);
  define(env, exports, "describedOutputs", describedOutputs);
}

}  // namespace motioncue
