// A network's layer in one call: convolution, batch norm with stored statistics folded into the weights, residual, relu. The
// folded weights are kept in oneDNN's own layout, or Winograd's, for as long as the tensors that they come from live.
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <c10/core/UndefinedTensorImpl.h>

#include <algorithm>
#include <array>
#include <list>

#include "dispatch.h"
#include "layer.h"
#include "layers.h"
#include "precision.h"
#include "winograd.h"

namespace motioncue {
namespace {

using Impl = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

enum Kind { kPrepacked, kPrepackedHalf, kHalf, kWinograd };

// oneDNN computes in bfloat16 from AVX-512 on; elsewhere libtorch has a path of its own.
#ifdef __AVX512BW__
constexpr bool kHasHalf = true;
#else
constexpr bool kHasHalf = false;
#endif

// A layer's weights as convolutions want them. tfjs tensors never change, so the same tensors mean the same weights.
struct Packed {
  std::vector<c10::TensorImpl*> sources;
  std::vector<Impl> alive;
  std::array<int64_t, 5> geometry;  // stride, padding, relu, kind
  c10::IValue context;
  // Where oneDNN does not pack: the folded weights and what is added to each channel.
  at::Tensor weight, shift;
};
std::list<Packed> packs;

c10::optional<c10::OperatorHandle> operatorNamed(const char* name) { return c10::Dispatcher::singleton().findSchema({name, ""}); }

// Strides of their own also where a 1x1 kernel would leave them open: they tell oneDNN that images are channels-last.
at::Tensor channelsLast(const at::Tensor& weight, at::ScalarType type) {
  const auto order = at::MemoryFormat::ChannelsLast;
  if (weight.scalar_type() != type || !weight.is_contiguous(order)) return at::empty(weight.sizes(), weight.options().dtype(type).memory_format(order)).copy_(weight);
  const int64_t channels = weight.size(1), width = weight.size(3);
  return weight.as_strided(weight.sizes(), {weight.size(2) * width * channels, 1, width * channels, channels});
}

// The pack of a layer, filled by `make` where there is none; forgets those whose tensors are gone.
template <typename Make>
const Packed& packOf(const Layer& layer, const at::Tensor& rawWeight, bool relu, Kind kind, const Make& make) {
  std::vector<c10::TensorImpl*> sources{rawWeight.unsafeGetTensorImpl()};
  for (const auto& extra : layer.extras) sources.push_back(extra.defined() ? extra.unsafeGetTensorImpl() : nullptr);
  const std::array<int64_t, 5> geometry{layer.stride[0], layer.padding[0], layer.padding[1], relu, kind};
  for (const auto& pack : packs) {
    const bool valid = std::none_of(pack.alive.begin(), pack.alive.end(), [](const Impl& impl) { return impl.expired(); });
    if (valid && pack.sources == sources && pack.geometry == geometry) return pack;
  }
  packs.remove_if([](const Packed& pack) { return std::any_of(pack.alive.begin(), pack.alive.end(), [](const Impl& impl) { return impl.expired(); }); });
  Packed pack{sources, {}, geometry, {}, {}, {}};
  make(pack);
  pack.alive.emplace_back(rawWeight.getIntrusivePtr());
  for (const auto& extra : layer.extras)
    if (extra.defined()) pack.alive.emplace_back(extra.getIntrusivePtr());
  packs.push_front(std::move(pack));
  return packs.front();
}

const Packed& halfPack(const Layer& layer, const at::Tensor& rawWeight) {
  return packOf(layer, rawWeight, false, kHalf, [&](Packed& pack) {
    pack.weight = channelsLast(layer.folded(), at::kBFloat16);
    const auto shift = layer.shift();
    if (shift) pack.shift = shift->to(at::kBFloat16);
  });
}

// By oneDNN with weights in its own layout, relu included; undefined where it does not take `x`.
at::Tensor prepacked(const Layer& layer, const at::Tensor& rawWeight, const at::Tensor& x, bool relu) {
  static const auto prepack = operatorNamed("mkldnn_prepacked::conv2d_prepack"), run = operatorNamed("mkldnn_prepacked::conv2d_run");
  const auto type = x.scalar_type();
  const bool isHalf = type == at::kBFloat16 && kHasHalf;
  if (!prepack || !run || !x.device().is_cpu() || x.numel() == 0 || !(isHalf || type == at::kFloat)) return {};
  const Packed& pack = packOf(layer, rawWeight, relu, isHalf ? kPrepackedHalf : kPrepacked, [&](Packed& made) {
    auto shift = layer.shift();
    if (shift) shift = shift->to(type);
    torch::jit::Stack packing{channelsLast(layer.folded(), type), shift, layer.stride, layer.padding, std::vector<int64_t>{1, 1},
                              int64_t{1}, x.sizes().vec(), std::string(relu ? "relu" : "none")};
    prepack->callBoxed(&packing);
    made.context = packing[0];
  });
  torch::jit::Stack stack{x, pack.context};
  run->callBoxed(&stack);
  return stack[0].toTensor();
}

at::Tensor convolved(const Layer& layer, const at::Tensor& rawWeight, const at::Tensor& x, bool relu) {
  auto y = prepacked(layer, rawWeight, x, relu);
  if (y.defined()) return y;
  if (x.scalar_type() == at::kBFloat16) {
    const Packed& pack = halfPack(layer, rawWeight);
    const auto shift = pack.shift.defined() ? c10::optional<at::Tensor>(pack.shift) : c10::nullopt;
    y = at::convolution(x, pack.weight, shift, layer.stride, layer.padding, {1, 1}, false, {0, 0}, 1);
  } else {
    y = at::convolution(x, layer.folded(), layer.shift(), layer.stride, layer.padding, {1, 1}, false, {0, 0}, 1);
  }
  return relu ? y.relu_() : y;
}

// By Winograd, where the layer suits: y NHWC; undefined where it does not.
at::Tensor winogradLayer(const Layer& layer, const at::Tensor& rawWeight, const at::Tensor& x, const at::Tensor& residual, bool relu) {
  const int64_t outputs = layer.weight.size(0);
  const bool isPlainFloat = x.device().is_cpu() && x.scalar_type() == at::kFloat && (!residual.defined() || residual.scalar_type() == at::kFloat);
  if (!layer.isPlain() || !isPlainFloat || !x.is_contiguous() || !winogradFits(x.sizes(), x.size(3), outputs)) return {};
  const Packed& pack = packOf(layer, rawWeight, false, kWinograd, [&](Packed& made) {
    made.weight = winogradWeights(layer.folded(), false);
    const auto shift = layer.shift();
    if (shift) made.shift = shift->contiguous();
  });
  return winograd(x, pack.weight, outputs, pack.shift, residual, relu);
}

template <typename T>
void addRange(T* to, const T* from, int64_t begin, int64_t end, bool relu) {
  if (relu) {
    for (int64_t i = begin; i < end; i++) {
      const float sum = static_cast<float>(to[i]) + static_cast<float>(from[i]);
      // NaN passes, as it does through tfjs's relu.
      to[i] = sum < 0 ? 0 : sum;
    }
  } else {
    for (int64_t i = begin; i < end; i++) to[i] = static_cast<float>(to[i]) + static_cast<float>(from[i]);
  }
}

// y += residual, then max(0, y), in one pass where both lie in memory alike.
void addInPlace(at::Tensor& y, const at::Tensor& residual, bool relu) {
  const bool isKnown = y.scalar_type() == at::kFloat || y.scalar_type() == at::kBFloat16;
  if (!isKnown || residual.scalar_type() != y.scalar_type() || !y.device().is_cpu() || !y.is_contiguous() || !residual.is_contiguous() || y.sizes() != residual.sizes()) {
    y.add_(residual);
    if (relu) y.relu_();
    return;
  }
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    T* to = y.data_ptr<T>();
    const T* from = residual.data_ptr<T>();
    at::parallel_for(0, y.numel(), 32768, [&](int64_t begin, int64_t end) { addRange<T>(to, from, begin, end, relu); });
  };
  if (y.scalar_type() == at::kFloat) run(0.0f);
  else run(at::BFloat16(0.0f));
}

// layer(x NHWC, residual NHWC | null, relu, layer...) -> y NHWC
napi_value layer(const Arguments& in) {
  const Layer own(in, 3);
  const auto x = inPrecision(in.tensor(0)).contiguous();
  const bool relu = in.boolean(2);
  const auto residual = in.absent(1) ? at::Tensor() : in.tensor(1);
  auto y = winogradLayer(own, in.tensor(3), x, residual, relu);
  if (y.defined()) return result(in.env, y);
  y = convolved(own, in.tensor(3), x.permute({0, 3, 1, 2}), relu && !residual.defined()).permute({0, 2, 3, 1});
  if (residual.defined()) addInPlace(y, residual, relu);
  return result(in.env, y);
}

}  // namespace

at::Tensor halfWeights(const Layer& layer, const at::Tensor& rawWeight) { return halfPack(layer, rawWeight).weight; }

at::Tensor convolveSame(const at::Tensor& x, const at::Tensor& weight) {
  const Layer layer(weight, {weight.size(0) / 2, weight.size(1) / 2});
  const auto y = winogradLayer(layer, weight, inPrecision(x).contiguous(), {}, false);
  if (y.defined()) return y;
  return convolved(layer, weight, inPrecision(x).permute({0, 3, 1, 2}), false).permute({0, 2, 3, 1}).to(at::kFloat);
}

std::pair<at::Tensor, at::Tensor> convolveSameGradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight) {
  const auto parts =
      at::convolution_backward(dy.permute({0, 3, 1, 2}), x.permute({0, 3, 1, 2}), weight.permute({3, 2, 0, 1}), c10::nullopt, {1, 1},
                               {weight.size(0) / 2, weight.size(1) / 2}, {1, 1}, false, {0, 0}, 1, {true, true, false});
  return {std::get<0>(parts).permute({0, 2, 3, 1}), std::get<1>(parts).permute({2, 3, 1, 0})};
}

void defineLayers(napi_env env, napi_value exports) { define(env, exports, "layer", layer); }

}  // namespace motioncue
