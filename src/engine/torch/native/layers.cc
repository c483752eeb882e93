// A network's layer in one call: convolution, batch norm with stored statistics folded into the weights, residual, relu; and
// its gradients. The folded weights are kept in oneDNN's own layout for as long as the tensors that they come from live.
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/add.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/sum.h>
#include <c10/core/UndefinedTensorImpl.h>

#include <algorithm>
#include <array>
#include <list>
#include <stdexcept>

#include "dispatch.h"
#include "layers.h"
#include "precision.h"
#include "tensors.h"

namespace motioncue {
namespace {

// Arguments from `first` on: weight HWIO, bias | null, [gamma, beta, mean, variance] | [], epsilon, [stride, rows, columns of padding].
struct Layer {
  static constexpr size_t kArguments = 5;
  at::Tensor weight;  // OIHW view
  std::array<at::Tensor, 5> extras;  // bias, gamma, beta, mean, variance; some or all undefined
  double epsilon;
  std::vector<int64_t> stride, padding;

  Layer(const Arguments& in, size_t first) : weight(in.tensor(first).permute({3, 2, 0, 1})), epsilon(in.number(first + 3)) {
    if (!in.absent(first + 1)) extras[0] = in.tensor(first + 1);
    const auto norm = in.integers(first + 2);
    if (norm.size() != 0 && norm.size() != 4) throw std::runtime_error("layer: a norm has gamma, beta, mean and variance");
    for (size_t i = 0; i < norm.size(); i++) extras[i + 1] = tensorOf(static_cast<int32_t>(norm[i]));
    const auto geometry = in.integers(first + 4);
    if (geometry.size() != 3) throw std::runtime_error("layer: expected stride and padding");
    stride = {geometry[0], geometry[0]};
    padding = {geometry[1], geometry[2]};
  }
  // A bare convolution with stride 1.
  Layer(const at::Tensor& hwio, std::vector<int64_t> pad) : weight(hwio.permute({3, 2, 0, 1})), epsilon(0), stride({1, 1}), padding(std::move(pad)) {}

  bool normed() const { return extras[1].defined(); }
  at::Tensor deviation() const { return at::rsqrt(at::add(extras[4], epsilon)); }
  at::Tensor gain() const { return at::mul(extras[1], deviation()); }
  at::Tensor centre() const { return extras[0].defined() ? at::sub(extras[0], extras[3]) : extras[3].neg(); }
  at::Tensor folded() const { return normed() ? at::mul(weight, gain().view({-1, 1, 1, 1})) : weight; }
  c10::optional<at::Tensor> shift() const {
    if (normed()) return at::add(extras[2], at::mul(centre(), gain()));
    return extras[0].defined() ? c10::optional<at::Tensor>(extras[0]) : c10::nullopt;
  }
};

using Impl = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;

// A layer's weights as oneDNN wants them. tfjs tensors never change, so the same tensors mean the same weights.
struct Packed {
  std::vector<c10::TensorImpl*> sources;
  std::vector<Impl> alive;
  std::array<int64_t, 5> geometry;  // stride, padding, relu, half
  c10::IValue context;
  // In bfloat16, for which there is no packing: the folded weights and what is added to each channel.
  at::Tensor weight, shift;
};
std::list<Packed> packs;

c10::optional<c10::OperatorHandle> operatorNamed(const char* name) { return c10::Dispatcher::singleton().findSchema({name, ""}); }

at::Tensor channelsLast(const at::Tensor& weight, at::ScalarType type) {
  // Strides of their own also where a 1x1 kernel would leave them open: they tell oneDNN that images are channels-last.
  return at::empty(weight.sizes(), weight.options().dtype(type).memory_format(at::MemoryFormat::ChannelsLast)).copy_(weight);
}

// The pack of a layer, filled by `make` where there is none; forgets those whose tensors are gone.
template <typename Make>
const Packed& packOf(const Layer& layer, const at::Tensor& rawWeight, bool relu, bool half, const Make& make) {
  std::vector<c10::TensorImpl*> sources{rawWeight.unsafeGetTensorImpl()};
  for (const auto& extra : layer.extras) sources.push_back(extra.defined() ? extra.unsafeGetTensorImpl() : nullptr);
  const std::array<int64_t, 5> geometry{layer.stride[0], layer.padding[0], layer.padding[1], relu, half};
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
  return packOf(layer, rawWeight, false, true, [&](Packed& pack) {
    pack.weight = channelsLast(layer.folded(), at::kBFloat16);
    const auto shift = layer.shift();
    if (shift) pack.shift = shift->to(at::kBFloat16);
  });
}

at::Tensor convolved(const Layer& layer, const at::Tensor& rawWeight, const at::Tensor& x, bool relu) {
  if (x.scalar_type() == at::kBFloat16) {
    const Packed& pack = halfPack(layer, rawWeight);
    const auto shift = pack.shift.defined() ? c10::optional<at::Tensor>(pack.shift) : c10::nullopt;
    auto y = at::convolution(x, pack.weight, shift, layer.stride, layer.padding, {1, 1}, false, {0, 0}, 1);
    return relu ? y.relu_() : y;
  }
  static const auto prepack = operatorNamed("mkldnn_prepacked::conv2d_prepack"), run = operatorNamed("mkldnn_prepacked::conv2d_run");
  if (prepack && run && x.device().is_cpu() && x.scalar_type() == at::kFloat && x.numel() > 0) {
    const Packed& pack = packOf(layer, rawWeight, relu, false, [&](Packed& made) {
      torch::jit::Stack packing{channelsLast(layer.folded(), at::kFloat), layer.shift(), layer.stride, layer.padding, std::vector<int64_t>{1, 1},
                                int64_t{1}, x.sizes().vec(), std::string(relu ? "relu" : "none")};
      prepack->callBoxed(&packing);
      made.context = packing[0];
    });
    torch::jit::Stack stack{x, pack.context};
    run->callBoxed(&stack);
    return stack[0].toTensor();
  }
  auto y = at::convolution(x, layer.folded(), layer.shift(), layer.stride, layer.padding, {1, 1}, false, {0, 0}, 1);
  return relu ? y.relu_() : y;
}

// y += residual, then max(0, y), in one pass where both lie in memory alike.
void addInPlace(at::Tensor& y, const at::Tensor& residual, bool relu) {
  if (y.scalar_type() != at::kFloat || residual.scalar_type() != at::kFloat || !y.device().is_cpu() || !y.is_contiguous() || !residual.is_contiguous() || y.sizes() != residual.sizes()) {
    y.add_(residual);
    if (relu) y.relu_();
    return;
  }
  float* to = y.data_ptr<float>();
  const float* from = residual.data_ptr<float>();
  at::parallel_for(0, y.numel(), 32768, [&](int64_t begin, int64_t end) {
    if (relu) {
      for (int64_t i = begin; i < end; i++) {
        const float sum = to[i] + from[i];
        // NaN passes, as it does through tfjs's relu.
        to[i] = sum < 0 ? 0 : sum;
      }
    } else {
      for (int64_t i = begin; i < end; i++) to[i] += from[i];
    }
  });
}

// layer(x NHWC, residual NHWC | null, relu, layer...) -> y NHWC
napi_value layer(const Arguments& in) {
  const Layer own(in, 3);
  const auto x = inPrecision(in.tensor(0)).contiguous().permute({0, 3, 1, 2});
  const bool relu = in.boolean(2);
  if (in.absent(1)) return result(in.env, convolved(own, in.tensor(3), x, relu).permute({0, 2, 3, 1}));
  auto y = convolved(own, in.tensor(3), x, false).permute({0, 2, 3, 1});
  addInPlace(y, in.tensor(1), relu);
  return result(in.env, y);
}

// layerInputGradient(dz, inputShape, layer...) -> dx; dz is the gradient before the activation
napi_value layerInputGradient(const Arguments& in) {
  const Layer own(in, 2);
  const auto dz = inPrecision(in.tensor(0)).permute({0, 3, 1, 2});
  const auto x = at::empty(in.integers(1), dz.options()).permute({0, 3, 1, 2});
  const auto weight = isHalf() ? halfPack(own, in.tensor(2)).weight : own.folded();
  const auto dx = std::get<0>(at::convolution_backward(dz, x, weight, c10::nullopt, own.stride, own.padding, {1, 1}, false, {0, 0}, 1, {true, false, false}));
  return result(in.env, dx.permute({0, 2, 3, 1}));
}

// Multiplies each output channel of `gradient` by its gain; returns the channels' products with the weights beforehand [O].
at::Tensor scaleAndDot(at::Tensor& gradient, const at::Tensor& weight, const at::Tensor& gain) {
  const auto order = at::MemoryFormat::ChannelsLast;
  if (!gradient.device().is_cpu() || !gradient.is_contiguous(order) || !weight.is_contiguous(order)) {
    const auto products = at::sum(at::mul(gradient, weight), {1, 2, 3});
    gradient.mul_(gain.view({-1, 1, 1, 1}));
    return products;
  }
  const int64_t channels = weight.size(0), size = weight.numel() / std::max<int64_t>(1, channels);
  auto products = at::empty({channels}, gain.options());
  const auto gains = gain.contiguous();
  float *g = gradient.data_ptr<float>(), *out = products.data_ptr<float>();
  const float *w = weight.data_ptr<float>(), *factor = gains.data_ptr<float>();
  at::parallel_for(0, channels, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, size)), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++) {
      float *from = g + o * size;
      const float* with = w + o * size;
      const float by = factor[o];
      // Sixteen sums at once: one register's worth, and a smaller error than one long sum.
      float sums[16] = {};
      int64_t i = 0;
      for (; i + 16 <= size; i += 16) {
        for (int k = 0; k < 16; k++) {
          sums[k] += from[i + k] * with[i + k];
          from[i + k] *= by;
        }
      }
      double total = 0;
      for (const float part : sums) total += part;
      for (; i < size; i++) {
        total += from[i] * with[i];
        from[i] *= by;
      }
      out[o] = static_cast<float>(total);
    }
  });
  return products;
}

// layerWeightGradient(dz, x, layer...) -> [dWeight HWIO], then dBias where there is a bias, then dGamma and dBeta where there is a norm
napi_value layerWeightGradient(const Arguments& in) {
  const Layer own(in, 2);
  const auto dz = inPrecision(in.tensor(0)).permute({0, 3, 1, 2}), x = inPrecision(in.tensor(1)).permute({0, 3, 1, 2});
  const bool wantsSum = own.normed() || own.extras[0].defined();
  // bfloat16 would lose the sum over all pixels: it is taken in float32 then.
  const bool sumsApart = wantsSum && isHalf();
  const std::vector<int64_t> outputs{own.weight.size(0)};
  const auto sumSizes = wantsSum ? at::OptionalIntArrayRef(outputs) : at::OptionalIntArrayRef();
  // The gradient of the weights does not depend on them.
  const auto shapeOnly = isHalf() ? at::empty(own.weight.sizes(), dz.options().memory_format(at::MemoryFormat::ChannelsLast)) : own.weight;
  at::Tensor dx, dFolded, dShift;
  std::tie(dx, dFolded, dShift) = at::convolution_backward(dz, x, shapeOnly, sumSizes, own.stride, own.padding, {1, 1}, false, {0, 0}, 1,
                                                           {false, true, wantsSum && !sumsApart});
  if (isHalf()) dFolded = dFolded.to(at::kFloat);
  if (sumsApart) dShift = at::sum(dz, {0, 2, 3}, false, at::kFloat);
  std::vector<at::Tensor> out;
  if (own.normed()) {
    const auto gain = own.gain();
    const auto dGain = at::add(scaleAndDot(dFolded, own.weight, gain), at::mul(dShift, own.centre()));
    out.push_back(dFolded);
    if (own.extras[0].defined()) out.push_back(at::mul(dShift, gain));
    out.push_back(at::mul(dGain, own.deviation()));
    out.push_back(dShift);
  } else {
    out.push_back(dFolded);
    if (wantsSum) out.push_back(dShift);
  }
  out[0] = out[0].permute({2, 3, 1, 0});
  return results(in.env, out);
}

}  // namespace

at::Tensor convolveSame(const at::Tensor& x, const at::Tensor& weight) {
  const Layer layer(weight, {weight.size(0) / 2, weight.size(1) / 2});
  return convolved(layer, weight, inPrecision(x).permute({0, 3, 1, 2}), false).permute({0, 2, 3, 1}).to(at::kFloat);
}

std::pair<at::Tensor, at::Tensor> convolveSameGradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight) {
  const auto parts =
      at::convolution_backward(dy.permute({0, 3, 1, 2}), x.permute({0, 3, 1, 2}), weight.permute({3, 2, 0, 1}), c10::nullopt, {1, 1},
                               {weight.size(0) / 2, weight.size(1) / 2}, {1, 1}, false, {0, 0}, 1, {true, true, false});
  return {std::get<0>(parts).permute({0, 2, 3, 1}), std::get<1>(parts).permute({2, 3, 1, 0})};
}

void defineLayers(napi_env env, napi_value exports) {
  define(env, exports, "layer", layer);
  define(env, exports, "layerInputGradient", layerInputGradient);
  define(env, exports, "layerWeightGradient", layerWeightGradient);
}

}  // namespace motioncue
