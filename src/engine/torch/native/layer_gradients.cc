// The gradients of a network's layer (layers.cc) in one call.
#include <ATen/Parallel.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/threshold_backward.h>

#include <algorithm>
#include <vector>

#include "dispatch.h"
#include "lanes.h"
#include "layer.h"
#include "pointwise.h"
#include "precision.h"
#include "subsampling.h"
#include "winograd.h"

namespace motioncue {
namespace {

// The gradient before the activation, and its sum over all pixels [O] in float32.
struct Unactivated {
  at::Tensor gradient, sums;
};

// dy where y > 0 (NaN passes), and the sums over pixels, in one pass; without y the sums alone.
template <typename T>
void maskAndSum(const T* dy, const T* y, T* out, int64_t pixels, int64_t channels, float* sums) {
  // Short runs in float32, their sums in double: the result depends on no number of threads.
  constexpr int64_t kRun = 64, kBlock = 32 * kRun;
  const int64_t blocks = (pixels + kBlock - 1) / kBlock, whole = channels - channels % kLanes;
  std::vector<double> parts(blocks * channels, 0.0);
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> run(channels);
    float* sum = run.data();
    for (int64_t start = begin * kBlock; start < std::min(end * kBlock, pixels); start += kRun) {
      std::fill(run.begin(), run.end(), 0.0f);
      for (int64_t at = start * channels; at < std::min(start + kRun, pixels) * channels; at += channels) {
        for (int64_t c = 0; c < whole; c += kLanes) {
          Lanes passed = load(dy + at + c);
          if (y) {
            passed = load(y + at + c) <= 0 ? Lanes{} : passed;
            store(out + at + c, passed);
          }
          store(sum + c, load(sum + c) + passed);
        }
        for (int64_t c = whole; c < channels; c++) {
          const T passed = y && static_cast<float>(y[at + c]) <= 0 ? T(0) : dy[at + c];
          if (y) out[at + c] = passed;
          sum[c] += static_cast<float>(passed);
        }
      }
      double* part = parts.data() + start / kBlock * channels;
      for (int64_t c = 0; c < channels; c++) part[c] += sum[c];
    }
  });
  for (int64_t c = 0; c < channels; c++) {
    double total = 0;
    for (int64_t block = 0; block < blocks; block++) total += parts[block * channels + c];
    sums[c] = static_cast<float>(total);
  }
}

// For dy and y [B,H,W,O], y undefined where the layer has no activation.
Unactivated unactivated(const at::Tensor& dy, const at::Tensor& y) {
  const auto from = dy.contiguous(), with = y.defined() ? y.contiguous() : y;
  const bool isKnown = from.scalar_type() == at::kFloat || from.scalar_type() == at::kBFloat16;
  if (!from.is_cpu() || !isKnown || (y.defined() && y.scalar_type() != from.scalar_type())) {
    const auto gradient = y.defined() ? at::threshold_backward(from, with, 0) : from;
    return {gradient, at::sum(gradient, {0, 1, 2}, false, at::kFloat)};
  }
  const int64_t channels = from.size(3), pixels = channels > 0 ? from.numel() / channels : 0;
  const auto gradient = y.defined() ? at::empty(from.sizes(), from.options()) : from;
  const auto sums = at::empty({channels}, from.options().dtype(at::kFloat));
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    maskAndSum<T>(from.data_ptr<T>(), y.defined() ? with.data_ptr<T>() : nullptr, gradient.data_ptr<T>(), pixels, channels, sums.data_ptr<float>());
  };
  if (from.scalar_type() == at::kFloat) run(0.0f);
  else run(at::BFloat16(0.0f));
  return {gradient, sums};
}

at::Tensor channelsFirst(const at::Tensor& nhwc) { return nhwc.permute({0, 3, 1, 2}); }

at::Tensor inputGradient(const Layer& own, const at::Tensor& rawWeight, const at::Tensor& dz, const at::Tensor& x) {
  const int64_t channels = own.weight.size(1), outputs = own.weight.size(0);
  const bool isFloat = dz.is_cpu() && dz.scalar_type() == at::kFloat;
  if (isFloat && own.isPlain() && winogradFits(dz.sizes(), outputs, channels)) {
    return winograd(dz, winogradWeights(own.folded(), true), channels, {}, {}, false);
  }
  const auto weight = isHalf() ? halfWeights(own, rawWeight) : own.folded();
  // Of the input only its shape counts.
  const auto parts = at::convolution_backward(channelsFirst(dz), channelsFirst(x), weight, c10::nullopt, own.stride, own.padding, {1, 1}, false, {0, 0}, 1,
                                              {true, false, false});
  return std::get<0>(parts).permute({0, 2, 3, 1});
}

// [O,C,kh,kw], float32, of the folded weights.
at::Tensor weightGradient(const Layer& own, const at::Tensor& dz, const at::Tensor& x) {
  const int64_t channels = own.weight.size(1), outputs = own.weight.size(0);
  const bool isFloat = dz.is_cpu() && dz.scalar_type() == at::kFloat && x.scalar_type() == at::kFloat;
  if (isFloat && own.isPlain() && winogradFits(x.sizes(), outputs, channels)) return winogradWeightGradient(dz, x.contiguous());
  auto stride = own.stride;
  auto seen = channelsFirst(x);
  if (own.isPointwise()) {
    seen = seenPixels(seen, stride);
    stride = {1, 1};
    if (isFloat && x.numel() > 0 && pointwiseGradientFits(channels, outputs)) {
      return pointwiseWeightGradient(dz, seen.permute({0, 2, 3, 1}).contiguous()).as_strided({outputs, channels, 1, 1}, {channels, 1, channels, channels});
    }
  }
  // The gradient of the weights does not depend on them.
  const auto shapeOnly = isHalf() ? at::empty(own.weight.sizes(), dz.options().memory_format(at::MemoryFormat::ChannelsLast)) : own.weight;
  const auto parts = at::convolution_backward(channelsFirst(dz), seen, shapeOnly, c10::nullopt, stride, own.padding, {1, 1}, false, {0, 0}, 1,
                                              {false, true, false});
  return std::get<1>(parts).to(at::kFloat);
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

// layerGradient(dy, y | null, x, wantsInput, wantsResidual, layer...) -> [dWeight HWIO], then dBias where there is a bias, dGamma and
// dBeta where there is a norm, dResidual and dx where they are wanted; y is the result where relu was applied.
napi_value layerGradient(const Arguments& in) {
  const Layer own(in, 5);
  const auto x = inPrecision(in.tensor(2));
  const auto dz = unactivated(inPrecision(in.tensor(0)), in.absent(1) ? at::Tensor() : inPrecision(in.tensor(1)));
  auto dFolded = weightGradient(own, dz.gradient, x);
  std::vector<at::Tensor> out;
  if (own.normed()) {
    const auto gain = own.gain();
    const auto dGain = at::add(scaleAndDot(dFolded, own.weight, gain), at::mul(dz.sums, own.centre()));
    out.push_back(dFolded);
    if (own.extras[0].defined()) out.push_back(at::mul(dz.sums, gain));
    out.push_back(at::mul(dGain, own.deviation()));
    out.push_back(dz.sums);
  } else {
    out.push_back(dFolded);
    if (own.extras[0].defined()) out.push_back(dz.sums);
  }
  out[0] = out[0].permute({2, 3, 1, 0});
  if (in.boolean(4)) out.push_back(dz.gradient);
  if (in.boolean(3)) out.push_back(inputGradient(own, in.tensor(5), dz.gradient, x));
  return results(in.env, out);
}

}  // namespace

void defineLayerGradients(napi_env env, napi_value exports) { define(env, exports, "layerGradient", layerGradient); }

}  // namespace motioncue
