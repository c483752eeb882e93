#include "device.h"

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/Event.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>
#include <torch/version.h>

#include <memory>
#include <set>
#include <stdexcept>

#include "tensors.h"

namespace motioncue {
namespace {

at::Device chosen(at::kCPU);

// libtorch repeats some warnings in every step; each is told once.
struct OnceEach final : c10::WarningHandler {
  std::set<std::string> told;
#if TORCH_VERSION_MAJOR >= 2
  void process(const c10::Warning& warning) override {
    if (told.insert(warning.msg()).second) c10::WarningHandler::process(warning);
  }
#else
  void process(const c10::SourceLocation& place, const std::string& text, const bool verbatim) override {
    if (told.insert(text).second) c10::WarningHandler::process(place, text, verbatim);
  }
#endif
};

void warnOnce() {
  static OnceEach handler;
#if TORCH_VERSION_MAJOR >= 2
  c10::WarningUtils::set_warning_handler(&handler);
#else
  c10::Warning::set_warning_handler(&handler);
#endif
}

// A device computes what the CPU computes, and the same in every run: float32 without TF32, and no sums in the order in which
// threads happen to finish. PyTorch allows both.
void calculateExactly() {
  auto& context = at::globalContext();
  context.setAllowTF32CuDNN(false);
  context.setAllowTF32CuBLAS(false);
  context.setDeterministicCuDNN(true);
  context.setDeterministicAlgorithms(true, /*warn_only=*/true);
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
  // Nothing here reads what it did not write.
  context.setDeterministicFillUninitializedMemory(false);
#endif
}

// setDevice("auto" | "cpu" | "cuda" | "cuda:1") -> the device's name. Makes a first tensor there, so that a device that
// cannot be used is told now.
napi_value setDevice(const Arguments& in) {
  char text[32];
  size_t length = 0;
  if (in.count < 1 || napi_get_value_string_utf8(in.env, in.values[0], text, sizeof(text), &length) != napi_ok) {
    throw std::runtime_error("setDevice: expected a text");
  }
  const std::string asked(text, length);
  at::Device wanted = asked == "auto" ? at::Device(at::hasCUDA() ? at::kCUDA : at::kCPU) : at::Device(asked);
  if (wanted.is_cuda() && !at::hasCUDA()) throw std::runtime_error("device " + asked + ": this libtorch finds no CUDA device");
  if (!wanted.is_cpu()) {
    if (!c10::impl::hasDeviceGuardImpl(wanted.type())) throw std::runtime_error("device " + asked + ": expected cpu, cuda or cuda:N");
    const c10::impl::VirtualGuardImpl guard(wanted.type());
    if (!wanted.has_index()) wanted.set_index(0);
    if (wanted.index() >= guard.deviceCount()) {
      throw std::runtime_error("device " + asked + ": expected a number below " + std::to_string(guard.deviceCount()));
    }
    guard.setDevice(wanted);
    at::empty({1}, at::TensorOptions().device(wanted));
    calculateExactly();
  }
  chosen = wanted;
  napi_value name;
  napi_create_string_utf8(in.env, chosen.str().c_str(), NAPI_AUTO_LENGTH, &name);
  return name;
}

napi_value synchronizeNow(const Arguments& in) {
  synchronize();
  return nullptr;
}

struct Download {
  napi_async_work work = nullptr;
  napi_deferred promise = nullptr;
  // Keeps the array from being collected while it is written to.
  napi_ref array = nullptr;
  void* data = nullptr;
  // A reference of its own: the tensor may be disposed of meanwhile.
  at::Tensor source;
  // The end of everything that was asked of the device before.
  std::unique_ptr<c10::Event> ready;
  std::string failure;
};

// In a thread of Node's pool: waits for the device, not in the thread that runs JavaScript.
void fetch(napi_env env, void* data) {
  auto& download = *static_cast<Download*>(data);
  try {
    c10::InferenceMode guard;
    auto target = at::from_blob(download.data, download.source.sizes(), download.source.options().device(at::kCPU));
    if (!download.ready) {
      target.copy_(download.source);
      return;
    }
    const c10::impl::VirtualGuardImpl impl(download.source.device().type());
    const c10::Stream own = impl.getStreamFromGlobalPool(download.source.device(), false);
    const c10::StreamGuard onOwn(own);
    download.ready->block(own);
    target.copy_(download.source);
  } catch (const std::exception& error) {
    download.failure = error.what();
  }
}

void settle(napi_env env, napi_status status, void* data) {
  const std::unique_ptr<Download> download(static_cast<Download*>(data));
  napi_value result;
  if (status == napi_ok && download->failure.empty()) {
    napi_get_undefined(env, &result);
    napi_resolve_deferred(env, download->promise, result);
  } else {
    napi_value text;
    const std::string reason = download->failure.empty() ? "the download was cancelled" : download->failure;
    napi_create_string_utf8(env, reason.substr(0, reason.find('\n')).c_str(), NAPI_AUTO_LENGTH, &text);
    napi_create_error(env, nullptr, text, &result);
    napi_reject_deferred(env, download->promise, result);
  }
  napi_delete_reference(env, download->array);
  napi_delete_async_work(env, download->work);
}

// downloadLater(handle, typedArray) -> a promise that is fulfilled when the array is filled, row-major.
napi_value downloadLater(const Arguments& in) {
  auto download = std::make_unique<Download>();
  napi_typedarray_type type;
  size_t length = 0, offset = 0;
  napi_value buffer;
  if (in.count < 2 || napi_get_typedarray_info(in.env, in.values[1], &type, &length, &download->data, &buffer, &offset) != napi_ok) {
    throw std::runtime_error("downloadLater: expected a typed array");
  }
  static const size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  // A view that is not row-major is laid out here, on the device, so that the copy is one piece.
  download->source = in.tensor(0).contiguous();
  if (length * sizes[type] != static_cast<size_t>(download->source.nbytes())) {
    throw std::runtime_error("downloadLater: room for " + std::to_string(length * sizes[type]) + " bytes, the tensor has " +
                             std::to_string(download->source.nbytes()));
  }
  if (!download->source.is_cpu()) {
    const auto place = download->source.device();
    download->ready = std::make_unique<c10::Event>(place.type());
    download->ready->record(c10::impl::VirtualGuardImpl(place.type()).getStream(place));
  }
  napi_value promise, name;
  napi_create_promise(in.env, &download->promise, &promise);
  napi_create_reference(in.env, in.values[1], 1, &download->array);
  napi_create_string_utf8(in.env, "motioncue download", NAPI_AUTO_LENGTH, &name);
  Download* owned = download.release();
  napi_create_async_work(in.env, nullptr, name, fetch, settle, owned, &owned->work);
  napi_queue_async_work(in.env, owned->work);
  return promise;
}

}  // namespace

at::Device device() { return chosen; }

void synchronize() {
  if (chosen.is_cpu()) return;
  c10::impl::VirtualGuardImpl(chosen.type()).getStream(chosen).synchronize();
}

void defineDevice(napi_env env, napi_value exports) {
  warnOnce();
  define(env, exports, "setDevice", setDevice);
  define(env, exports, "synchronize", synchronizeNow);
  define(env, exports, "downloadLater", downloadLater);
}

}  // namespace motioncue
