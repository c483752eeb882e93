// One step of Adam in one pass over parameter, gradient and moments.
#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>

#include <cmath>
#include <stdexcept>

#include "dispatch.h"
#include "tensors.h"

namespace motioncue {
namespace {

// `tensor` in the memory order of `model`, which has no holes.
at::Tensor ordered(const at::Tensor& tensor, const at::Tensor& model) {
  if (tensor.sizes() != model.sizes()) throw std::runtime_error("parameter, gradient and moments must have one shape");
  if (tensor.strides() == model.strides()) return tensor;
  return at::empty_like(model).copy_(tensor);
}

// adam(parameter, gradient, first, second, rate, floor, beta1, beta2) -> [parameter, first, second]
napi_value adam(const Arguments& in) {
  const auto held = in.tensor(0), given = in.tensor(1);
  // A convolution gives its filter's gradient in the order that the next convolution wants the filter in. Other weights stay in the
  // order that they were read in: some BLAS kernels round a product differently by it, and a resumed run should have the same bits.
  const auto& model = given.dim() == 4 ? given : held;
  const auto gradient = ordered(given, model.is_non_overlapping_and_dense() ? model : model.contiguous());
  const auto parameter = ordered(held, gradient), first = ordered(in.tensor(2), gradient), second = ordered(in.tensor(3), gradient);
  auto moved = at::empty_like(gradient), mean = at::empty_like(gradient), square = at::empty_like(gradient);
  const float rate = static_cast<float>(in.number(4)), floor = static_cast<float>(in.number(5));
  const float keep1 = static_cast<float>(1 - in.number(6)), keep2 = static_cast<float>(1 - in.number(7));
  const float *p = parameter.data_ptr<float>(), *g = gradient.data_ptr<float>(), *m = first.data_ptr<float>(), *v = second.data_ptr<float>();
  float *newP = moved.data_ptr<float>(), *newM = mean.data_ptr<float>(), *newV = square.data_ptr<float>();
  at::parallel_for(0, gradient.numel(), 16384, [&](int64_t begin, int64_t end) {
#pragma GCC ivdep
    for (int64_t i = begin; i < end; i++) {
      const float a = m[i] + (g[i] - m[i]) * keep1;
      const float b = v[i] + (g[i] * g[i] - v[i]) * keep2;
      newM[i] = a;
      newV[i] = b;
      newP[i] = p[i] - a / (std::sqrt(b) + floor) * rate;
    }
  });
  return results(in.env, {moved, mean, square});
}

}  // namespace

void defineAdam(napi_env env, napi_value exports) { define(env, exports, "adam", adam); }

}  // namespace motioncue
