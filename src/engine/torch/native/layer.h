// A network's layer as its kernels are told of it, and its weights as they are kept between calls.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sub.h>

#include <array>
#include <stdexcept>

#include "tensors.h"

namespace motioncue {

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

  // 3 x 3, stride 1, a border of one zero.
  bool isPlain() const { return weight.size(2) == 3 && weight.size(3) == 3 && stride[0] == 1 && padding[0] == 1 && padding[1] == 1; }
  // 1 x 1, any stride, no border.
  bool isPointwise() const { return weight.size(2) == 1 && weight.size(3) == 1 && padding[0] == 0 && padding[1] == 0; }
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

// The layer's folded weights [O,C,kh,kw] in bfloat16, channels-last; made anew only where the layer's tensors are new.
at::Tensor halfWeights(const Layer& layer, const at::Tensor& rawWeight);

}  // namespace motioncue
