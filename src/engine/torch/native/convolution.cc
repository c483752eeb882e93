// Convolutions on NHWC tensors with HWIO filters: permuted views are libtorch's channels-last layout, so nothing is copied.
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/relu.h>

#include <algorithm>
#include <stdexcept>

#include "dispatch.h"
#include "precision.h"
#include "subsampling.h"
#include "tensors.h"

namespace motioncue {
namespace {

struct Geometry {
  std::vector<int64_t> stride, padding, dilation;
  int64_t top, bottom, left, right, groups;
  bool symmetric() const { return top == bottom && left == right; }
};

// [strideH, strideW, top, bottom, left, right, dilationH, dilationW, groups]
Geometry geometryOf(const Arguments& in, size_t i) {
  const auto v = in.integers(i);
  if (v.size() != 9) throw std::runtime_error("convolution: expected nine geometry numbers");
  Geometry g{{v[0], v[1]}, {v[2], v[4]}, {v[6], v[7]}, v[2], v[3], v[4], v[5], v[8]};
  if (!g.symmetric()) g.padding = {0, 0};
  return g;
}

at::Tensor toChannelsFirst(const at::Tensor& nhwc) { return nhwc.permute({0, 3, 1, 2}); }
at::Tensor toChannelsLast(const at::Tensor& nchw) { return nchw.permute({0, 2, 3, 1}); }
// HWIO -> OIHW; a depthwise filter [h, w, channels, multiplier] -> [channels * multiplier, 1, h, w].
at::Tensor filterOf(const at::Tensor& filter, bool depthwise) {
  if (!depthwise) return filter.permute({3, 2, 0, 1});
  return filter.permute({2, 3, 0, 1}).reshape({filter.size(2) * filter.size(3), 1, filter.size(0), filter.size(1)});
}

at::Tensor padded(const at::Tensor& x, const Geometry& g) {
  return g.symmetric() ? x : at::constant_pad_nd(x, {g.left, g.right, g.top, g.bottom}, 0);
}

// conv2d(x, filter, bias | null, geometry, relu, depthwise)
napi_value conv2d(const Arguments& in) {
  const Geometry g = geometryOf(in, 3);
  c10::optional<at::Tensor> bias;
  if (!in.absent(2)) bias = inPrecision(in.tensor(2).reshape({-1}));
  const auto x = padded(toChannelsFirst(inPrecision(in.tensor(0))), g);
  auto y = at::convolution(x, filterOf(inPrecision(in.tensor(1)), in.boolean(5)), bias, g.stride, g.padding, g.dilation, false, {0, 0}, g.groups);
  if (in.boolean(4)) y.relu_();
  return result(in.env, toChannelsLast(y));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& filter, const Geometry& g,
                                                        std::array<bool, 3> wanted) {
  return at::convolution_backward(dy, x, filter, c10::nullopt, g.stride, g.padding, g.dilation, false, {0, 0}, g.groups, wanted);
}

// conv2dInputGradient(dy, filter, inputShape, geometry, depthwise)
napi_value conv2dInputGradient(const Arguments& in) {
  const Geometry g = geometryOf(in, 3);
  auto shape = in.integers(2);
  if (!g.symmetric()) {
    shape[1] += g.top + g.bottom;
    shape[2] += g.left + g.right;
  }
  const auto dy = toChannelsFirst(inPrecision(in.tensor(0)));
  const auto x = toChannelsFirst(at::empty(shape, dy.options()));
  auto dx = std::get<0>(backward(dy, x, filterOf(inPrecision(in.tensor(1)), in.boolean(4)), g, {true, false, false}));
  if (!g.symmetric()) dx = dx.slice(2, g.top, dx.size(2) - g.bottom).slice(3, g.left, dx.size(3) - g.right);
  return result(in.env, toChannelsLast(dx));
}

// conv2dFilterGradient(dy, x, filterShape, geometry, depthwise)
napi_value conv2dFilterGradient(const Arguments& in) {
  Geometry g = geometryOf(in, 3);
  const auto shape = in.integers(2);
  const bool depthwise = in.boolean(4);
  auto x = padded(toChannelsFirst(inPrecision(in.tensor(1))), g);
  if (shape[0] == 1 && shape[1] == 1 && g.padding == std::vector<int64_t>{0, 0}) {
    x = seenPixels(x, g.stride);
    g.stride = {1, 1};
  }
  // Only its shape counts; some of libtorch's paths write the gradient in its layout and want that contiguous.
  const auto filter = depthwise ? at::empty({shape[2] * shape[3], 1, shape[0], shape[1]}, x.options())
                                : at::empty({shape[3], shape[2], shape[0], shape[1]}, x.options());
  auto dw = std::get<1>(backward(toChannelsFirst(inPrecision(in.tensor(0))), x, filter, g, {false, true, false}));
  if (depthwise) {
    dw = dw.reshape({shape[2], shape[3], shape[0], shape[1]}).permute({2, 3, 0, 1});
  } else {
    dw = dw.permute({2, 3, 1, 0});
  }
  return result(in.env, dw);
}

}  // namespace

void defineConvolution(napi_env env, napi_value exports) {
  define(env, exports, "conv2d", conv2d);
  define(env, exports, "conv2dInputGradient", conv2dInputGradient);
  define(env, exports, "conv2dFilterGradient", conv2dFilterGradient);
}

}  // namespace motioncue
