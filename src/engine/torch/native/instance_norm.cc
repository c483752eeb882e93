// Instance normalisation of NHWC images without parameters, and its gradient; statistics in double.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <cmath>

#include "dispatch.h"
#include "tensors.h"

namespace motioncue {
namespace {

// Per (image, channel): sums of a and of a*b over the pixels, in double.
void sums(const float* a, const float* b, int64_t pixels, int64_t channels, std::vector<double>& sumA, std::vector<double>& sumAB) {
  sumA.assign(channels, 0.0);
  sumAB.assign(channels, 0.0);
  // Short float runs keep the loop in vector registers and the error below that of a plain float sum.
  constexpr int64_t kRun = 64;
  std::vector<float> runA(channels), runAB(channels);
  for (int64_t start = 0; start < pixels; start += kRun) {
    std::fill(runA.begin(), runA.end(), 0.0f);
    std::fill(runAB.begin(), runAB.end(), 0.0f);
    const int64_t end = std::min(pixels, start + kRun);
    for (int64_t p = start; p < end; p++) {
      const float* x = a + p * channels;
      const float* y = b + p * channels;
      for (int64_t c = 0; c < channels; c++) {
        runA[c] += x[c];
        runAB[c] += x[c] * y[c];
      }
    }
    for (int64_t c = 0; c < channels; c++) {
      sumA[c] += runA[c];
      sumAB[c] += runAB[c];
    }
  }
}

// instanceNorm(x [B,H,W,C], epsilon) -> [y, rstd [B,C]]
napi_value instanceNorm(const Arguments& in) {
  const auto x = in.tensor(0).contiguous();
  const double epsilon = in.number(1);
  const int64_t images = x.size(0), channels = x.size(3), pixels = x.size(1) * x.size(2);
  auto y = at::empty(x.sizes(), x.options());
  auto rstd = at::empty({images, channels}, x.options());
  const float* source = x.data_ptr<float>();
  float* target = y.data_ptr<float>();
  float* scales = rstd.data_ptr<float>();
  at::parallel_for(0, images, 1, [&](int64_t begin, int64_t end) {
    std::vector<double> sum, square;
    std::vector<float> scale(channels), shift(channels);
    for (int64_t b = begin; b < end; b++) {
      const float* from = source + b * pixels * channels;
      float* to = target + b * pixels * channels;
      sums(from, from, pixels, channels, sum, square);
      for (int64_t c = 0; c < channels; c++) {
        const double mean = sum[c] / static_cast<double>(pixels);
        const double variance = std::max(0.0, square[c] / static_cast<double>(pixels) - mean * mean);
        scale[c] = static_cast<float>(1.0 / std::sqrt(variance + epsilon));
        shift[c] = static_cast<float>(-mean) * scale[c];
        scales[b * channels + c] = scale[c];
      }
      for (int64_t p = 0; p < pixels; p++) {
        for (int64_t c = 0; c < channels; c++) to[p * channels + c] = from[p * channels + c] * scale[c] + shift[c];
      }
    }
  });
  return results(in.env, {y, rstd});
}

// instanceNormGradient(dy, y, rstd): dx = rstd * (dy - mean(dy) - y * mean(dy * y)), means over the pixels
napi_value instanceNormGradient(const Arguments& in) {
  const auto dy = in.tensor(0).contiguous(), y = in.tensor(1).contiguous(), rstd = in.tensor(2).contiguous();
  const int64_t images = y.size(0), channels = y.size(3), pixels = y.size(1) * y.size(2);
  auto dx = at::empty(y.sizes(), y.options());
  const float *gradient = dy.data_ptr<float>(), *output = y.data_ptr<float>(), *scales = rstd.data_ptr<float>();
  float* target = dx.data_ptr<float>();
  at::parallel_for(0, images, 1, [&](int64_t begin, int64_t end) {
    std::vector<double> sum, product;
    std::vector<float> meanDy(channels), meanDyY(channels);
    for (int64_t b = begin; b < end; b++) {
      const int64_t offset = b * pixels * channels;
      sums(gradient + offset, output + offset, pixels, channels, sum, product);
      for (int64_t c = 0; c < channels; c++) {
        meanDy[c] = static_cast<float>(sum[c] / static_cast<double>(pixels));
        meanDyY[c] = static_cast<float>(product[c] / static_cast<double>(pixels));
      }
      for (int64_t p = 0; p < pixels; p++) {
        const int64_t at = offset + p * channels;
        for (int64_t c = 0; c < channels; c++) {
          target[at + c] = scales[b * channels + c] * (gradient[at + c] - meanDy[c] - output[at + c] * meanDyY[c]);
        }
      }
    }
  });
  return result(in.env, dx);
}

}  // namespace

void defineInstanceNorm(napi_env env, napi_value exports) {
  define(env, exports, "instanceNorm", instanceNorm);
  define(env, exports, "instanceNormGradient", instanceNormGradient);
}

}  // namespace motioncue
