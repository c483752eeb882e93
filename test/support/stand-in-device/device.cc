// A device beside the CPU for tests on machines that have no other: its memory can be touched by its own operations alone,
// as with a GPU. Loaded as a Node addon, it is libtorch's "privateuseone". Each operation opens the memory of its
// arguments, lets the CPU's kernel work on it, and closes it again; anything else that reads or writes there ends the
// process with a segmentation fault. Like CUDA, it refuses arguments that lie elsewhere, and products and convolutions of
// whole numbers, and it ends the process where an index is out of range.
#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <sys/mman.h>
#include <torch/library.h>
#include <torch/version.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#define NEWER_ALLOCATOR (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 3))

namespace {

constexpr auto kDevice = c10::DeviceType::PrivateUse1;
constexpr auto kKey = c10::DispatchKey::PrivateUse1;
constexpr size_t kPage = 4096, kMost = size_t{1} << 40;

// Blocks by address: their length, and how many operations have them open.
struct Block {
  size_t bytes = 0;
  int openings = 0;
};
std::map<void*, Block> blocks;
std::mutex mutex;

void release(void* address) {
  const std::lock_guard<std::mutex> lock(mutex);
  munmap(address, blocks.at(address).bytes);
  blocks.erase(address);
}

struct Memory final : c10::Allocator {
#if NEWER_ALLOCATOR
  c10::DataPtr allocate(size_t bytes) override {
#else
  c10::DataPtr allocate(size_t bytes) const override {
#endif
    const c10::Device place(kDevice, 0);
    if (bytes == 0) return {nullptr, place};
    const size_t length = (bytes + kPage - 1) / kPage * kPage;
    void* address = length > kMost ? MAP_FAILED : mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) throw std::runtime_error("stand-in device: out of memory, asked for " + std::to_string(bytes) + " bytes");
    const std::lock_guard<std::mutex> lock(mutex);
    blocks[address].bytes = length;
    return {address, address, release, place};
  }
#if NEWER_ALLOCATOR
  void copy_data(void*, const void*, std::size_t) const override { throw std::runtime_error("stand-in device: no copy of a storage"); }
#endif
  c10::DeleterFnPtr raw_deleter() const override { return release; }
};
Memory memory;

// Blocks that stay open for as long as this lives.
class Opened {
 public:
  ~Opened() {
    for (void* address : open_) change(address, -1);
  }
  void add(const at::Tensor& tensor) {
    void* address = tensor.storage().data_ptr().get();
    if (address && open_.insert(address).second) change(address, 1);
  }

 private:
  static void change(void* address, int by) {
    const std::lock_guard<std::mutex> lock(mutex);
    Block& block = blocks.at(address);
    const bool wasOpen = block.openings > 0;
    block.openings += by;
    const bool isOpen = block.openings > 0;
    if (wasOpen != isOpen && mprotect(address, block.bytes, isOpen ? PROT_READ | PROT_WRITE : PROT_NONE) != 0) {
      throw std::runtime_error("stand-in device: mprotect failed");
    }
  }
  std::set<void*> open_;
};

bool isHere(const at::Tensor& tensor) { return tensor.defined() && tensor.device().type() == kDevice; }

at::Tensor tensorOver(c10::Storage storage, c10::DispatchKey key, const at::Tensor& like) {
  auto tensor = at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(key), like.dtype());
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(like.sizes(), like.strides());
  tensor.unsafeGetTensorImpl()->set_storage_offset(like.storage_offset());
  return tensor;
}

// The same memory as a tensor of the CPU's.
at::Tensor onHost(const at::Tensor& tensor) {
  const auto& storage = tensor.storage();
  void* address = storage.data_ptr().get();
  c10::Storage host(c10::Storage::use_byte_size_t(), storage.nbytes(), c10::DataPtr(address, c10::Device(c10::kCPU)), at::getCPUAllocator(), true);
  return tensorOver(std::move(host), c10::DispatchKey::CPU, tensor);
}

// One operation: its arguments as the CPU sees them, and its results as the device keeps them.
class Operation {
 public:
  explicit Operation(std::string name) : name_(std::move(name)) {}

  c10::IValue taken(const c10::IValue& value) {
    if (value.isTensor()) return taken(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorList()) list.push_back(taken(tensor));
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<c10::optional<at::Tensor>> list;
      for (const c10::optional<at::Tensor>& tensor : value.toOptionalTensorList()) {
        list.push_back(tensor && tensor->defined() ? c10::optional<at::Tensor>(taken(*tensor)) : c10::nullopt);
      }
      return list;
    }
    if (value.isDevice()) return c10::Device(c10::kCPU);
    return value;
  }

  c10::IValue given(const c10::IValue& value) {
    if (value.isTensor()) return given(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorList()) list.push_back(given(tensor));
      return list;
    }
    return value;
  }

  // Outputs that were handed in and had another size.
  void fitResized() {
    for (size_t i = 0; i < here_.size(); i++) {
      const auto &here = here_[i], &host = hosts_[i];
      if (here.sizes() == host.sizes() && here.strides() == host.strides()) continue;
      const auto storage = here.storage();
      if (host.storage().data_ptr().get() != storage.data_ptr().get()) {
        const auto moved = kept(host);
        storage.set_nbytes(moved.storage().nbytes());
        storage.set_data_ptr(memory.allocate(moved.storage().nbytes()));
        Opened opened;
        opened.add(here);
        opened.add(moved);
        std::memcpy(storage.data_ptr().get(), moved.storage().data_ptr().get(), moved.storage().nbytes());
      }
      here.unsafeGetTensorImpl()->set_sizes_and_strides(host.sizes(), host.strides());
    }
  }

 private:
  at::Tensor taken(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    if (!isHere(tensor)) {
      // Numbers travel as tensors without dimensions.
      if (tensor.dim() > 0) throw std::runtime_error(name_ + ": Expected all tensors to be on the same device");
      return tensor;
    }
    opened_.add(tensor);
    here_.push_back(tensor);
    hosts_.push_back(onHost(tensor));
    return hosts_.back();
  }

  at::Tensor given(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    void* address = tensor.storage().data_ptr().get();
    for (size_t i = 0; i < here_.size(); i++) {
      if (hosts_[i].is_same(tensor)) return here_[i];
    }
    for (const auto& one : here_) {
      if (address && one.storage().data_ptr().get() == address) return tensorOver(one.storage(), kKey, tensor);
    }
    return kept(tensor);
  }

  // A copy on the device, strides and all.
  static at::Tensor kept(const at::Tensor& tensor) {
    const auto bytes = tensor.storage().nbytes();
    c10::Storage storage(c10::Storage::use_byte_size_t(), bytes, &memory, true);
    const auto result = tensorOver(std::move(storage), kKey, tensor);
    if (bytes > 0) {
      Opened opened;
      opened.add(result);
      std::memcpy(result.storage().data_ptr().get(), tensor.storage().data_ptr().get(), bytes);
    }
    return result;
  }

  std::string name_;
  Opened opened_;
  std::vector<at::Tensor> here_, hosts_;
};

// What CUDA has for floating and complex numbers only.
const std::set<std::string> kNoWholeNumbers = {
    "aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm", "aten::addbmm", "aten::matmul", "aten::convolution", "aten::_convolution",
    "aten::convolution_backward", "aten::avg_pool2d", "aten::avg_pool3d", "aten::max_pool2d_with_indices", "aten::max_pool3d_with_indices",
    "aten::upsample_bilinear2d", "aten::upsample_nearest2d", "aten::reflection_pad1d", "aten::reflection_pad2d", "aten::replication_pad2d"};

// What ends all work on a CUDA device where an index is out of range.
const std::set<std::string> kTrustsIndices = {"aten::index_select", "aten::gather", "aten::scatter", "aten::scatter_add", "aten::index_add",
                                              "aten::index_copy", "aten::index_put", "aten::index", "aten::embedding"};

void run(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  const size_t count = schema.arguments().size(), first = stack->size() - count;
  Operation operation(schema.name());
  const bool isPicky = kNoWholeNumbers.count(schema.name()) > 0;
  for (size_t i = first; i < stack->size(); i++) {
    auto& value = (*stack)[i];
    if (i == first && isPicky && isHere(value.toTensor()) && c10::isIntegralType(value.toTensor().scalar_type(), true)) {
      throw std::runtime_error("\"" + schema.name() + "\" not implemented for '" + c10::toString(value.toTensor().scalar_type()) + "'");
    }
    value = operation.taken(value);
  }
  try {
    op.callBoxed(stack);
  } catch (const std::exception& error) {
    if (kTrustsIndices.count(schema.name()) == 0) throw;
    std::fprintf(stderr, "stand-in device: assertion: %s: %s\n", schema.name().c_str(), error.what());
    std::abort();
  }
  operation.fitResized();
  for (size_t i = stack->size() - schema.returns().size(); i < stack->size(); i++) (*stack)[i] = operation.given((*stack)[i]);
}

// Between the device and the CPU, or within the device.
at::Tensor copyFrom(const at::Tensor& from, const at::Tensor& to, bool) {
  Opened opened;
  if (isHere(from)) opened.add(from);
  if (isHere(to)) opened.add(to);
  (isHere(to) ? onHost(to) : to).copy_(isHere(from) ? onHost(from) : from);
  return to;
}

c10::ScalarType typeOr(c10::optional<c10::ScalarType> type) { return type.value_or(c10::kFloat); }

at::Tensor empty(c10::IntArrayRef size, c10::optional<c10::ScalarType> type, c10::optional<c10::Layout>, c10::optional<c10::Device>,
                 c10::optional<bool>, c10::optional<c10::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory, c10::DispatchKeySet(kKey), typeOr(type), format);
}

at::Tensor emptyStrided(c10::IntArrayRef size, c10::IntArrayRef stride, c10::optional<c10::ScalarType> type, c10::optional<c10::Layout>,
                        c10::optional<c10::Device>, c10::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &memory, c10::DispatchKeySet(kKey), typeOr(type));
}

// Everything is done when an operation returns, so streams and events have nothing to do.
struct Guard final : c10::impl::DeviceGuardImplInterface {
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, c10::Device(kDevice, 0)); }
  c10::DeviceType type() const override { return kDevice; }
  c10::Device exchangeDevice(c10::Device) const override { return {kDevice, 0}; }
  c10::Device getDevice() const override { return {kDevice, 0}; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const noexcept override { return stream(); }
  c10::Stream getDefaultStream(c10::Device) const override { return stream(); }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return stream(); }
  void destroyEvent(void*, const c10::DeviceIndex) const noexcept override {}
  void record(void**, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override {}
};

}  // namespace

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)
REGISTER_ALLOCATOR(c10::DeviceType::PrivateUse1, &memory)

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) { library.fallback(torch::CppFunction::makeFromBoxedFunction<&run>()); }

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", empty);
  library.impl("empty_strided", emptyStrided);
  library.impl("_copy_from", copyFrom);
  library.impl("_copy_from_and_resize", [](const at::Tensor& from, const at::Tensor& to) { return copyFrom(from, to, false); });
  // Composed of operations that know the CPU and CUDA only.
  for (const char* name : {"convolution", "convolution_backward", "_convolution"}) library.impl(name, torch::CppFunction::makeFromBoxedFunction<&run>());
}

// Loading is all that a Node addon is wanted for.
extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*, void* exports) { return exports; }
