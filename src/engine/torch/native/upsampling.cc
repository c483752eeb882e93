// RAFT's convex up-sampling and its gradient: every fine pixel is a mixture of the 3x3 coarse neighbours of its cell.
// mask [B,h,w,9*64], channel (neighbour, fine row, fine column); flow [B,h,w,2], zero outside, in pixels of the coarse map.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <stdexcept>

#include "dispatch.h"
#include "tensors.h"
#include "vector_math.h"

namespace motioncue {
namespace {

constexpr int64_t kFactor = 8, kFine = kFactor * kFactor, kNeighbours = 9;

struct Maps {
  at::Tensor flow, mask;
  int64_t batch, rows, columns;
  Maps(const at::Tensor& f, const at::Tensor& m) : flow(f.contiguous()), mask(m.contiguous()), batch(f.size(0)), rows(f.size(1)), columns(f.size(2)) {
    if (flow.dim() != 4 || flow.size(3) != 2 || mask.numel() != batch * rows * columns * kNeighbours * kFine)
      throw std::runtime_error("convexUpsample: expected flow [B,h,w,2] and a mask [B,h,w,576]");
  }
  int64_t cells() const { return batch * rows * columns; }
  // Index of a cell's neighbour k in the flow, or -1 outside.
  int64_t neighbour(int64_t cell, int64_t k) const {
    const int64_t x = cell % columns + k % 3 - 1, y = cell / columns % rows + k / 3 - 1;
    return x < 0 || x >= columns || y < 0 || y >= rows ? -1 : (cell / (rows * columns) * rows + y) * columns + x;
  }
  // Where fine pixel (i, j) of a cell stands among the fine pixels.
  int64_t fine(int64_t cell, int64_t i, int64_t j) const {
    const int64_t x = cell % columns, row = cell / columns;  // the batch's rows follow one another
    return ((row * kFactor + i) * columns + x) * kFactor + j;
  }
};

// weights [9,64] of a cell: softmax over the neighbours.
void softmax(const float* logits, float* weights) {
  float most[kFine], total[kFine];
  std::copy(logits, logits + kFine, most);
  for (int64_t k = 1; k < kNeighbours; k++)
    for (int64_t p = 0; p < kFine; p++) most[p] = std::max(most[p], logits[k * kFine + p]);
  std::fill(total, total + kFine, 0.0f);
  for (int64_t k = 0; k < kNeighbours; k++)
    for (int64_t p = 0; p < kFine; p++) total[p] += weights[k * kFine + p] = fastExp(logits[k * kFine + p] - most[p]);
  for (int64_t k = 0; k < kNeighbours; k++)
    for (int64_t p = 0; p < kFine; p++) weights[k * kFine + p] /= total[p];
}

// convexUpsample(flow, mask) -> [B,8h,8w,2], in pixels of the result
napi_value convexUpsample(const Arguments& in) {
  const Maps maps(in.tensor(0), in.tensor(1));
  auto out = at::empty({maps.batch, kFactor * maps.rows, kFactor * maps.columns, 2}, maps.flow.options());
  const float *flow = maps.flow.data_ptr<float>(), *mask = maps.mask.data_ptr<float>();
  float* target = out.data_ptr<float>();
  at::parallel_for(0, maps.cells(), 16, [&](int64_t begin, int64_t end) {
    float weights[kNeighbours * kFine], sum[2][kFine];
    for (int64_t cell = begin; cell < end; cell++) {
      softmax(mask + cell * kNeighbours * kFine, weights);
      std::fill(&sum[0][0], &sum[0][0] + 2 * kFine, 0.0f);
      for (int64_t k = 0; k < kNeighbours; k++) {
        const int64_t from = maps.neighbour(cell, k);
        if (from < 0) continue;
        const float dx = kFactor * flow[2 * from], dy = kFactor * flow[2 * from + 1];
        for (int64_t p = 0; p < kFine; p++) sum[0][p] += dx * weights[k * kFine + p];
        for (int64_t p = 0; p < kFine; p++) sum[1][p] += dy * weights[k * kFine + p];
      }
      for (int64_t i = 0; i < kFactor; i++) {
        float* row = target + 2 * maps.fine(cell, i, 0);
        for (int64_t j = 0; j < kFactor; j++) {
          row[2 * j] = sum[0][i * kFactor + j];
          row[2 * j + 1] = sum[1][i * kFactor + j];
        }
      }
    }
  });
  return result(in.env, out);
}

// convexUpsampleGradient(dOut, flow, mask) -> [dFlow, dMask]
napi_value convexUpsampleGradient(const Arguments& in) {
  const auto dOut = in.tensor(0).contiguous();
  const Maps maps(in.tensor(1), in.tensor(2));
  if (dOut.numel() != maps.cells() * kFine * 2) throw std::runtime_error("convexUpsampleGradient: the gradient has another size");
  auto dMask = at::empty(maps.mask.sizes(), maps.mask.options());
  // Each cell's share for each of its neighbours, added up afterwards: cells are shared out among threads.
  auto shares = at::empty({maps.cells(), kNeighbours, 2}, maps.flow.options());
  auto dFlow = at::zeros(maps.flow.sizes(), maps.flow.options());
  const float *flow = maps.flow.data_ptr<float>(), *mask = maps.mask.data_ptr<float>(), *source = dOut.data_ptr<float>();
  float *toMask = dMask.data_ptr<float>(), *share = shares.data_ptr<float>(), *toFlow = dFlow.data_ptr<float>();
  at::parallel_for(0, maps.cells(), 16, [&](int64_t begin, int64_t end) {
    float weights[kNeighbours * kFine], dx[kFine], dy[kFine], mean[kFine];
    for (int64_t cell = begin; cell < end; cell++) {
      softmax(mask + cell * kNeighbours * kFine, weights);
      for (int64_t i = 0; i < kFactor; i++)
        for (int64_t j = 0; j < kFactor; j++) {
          dx[i * kFactor + j] = kFactor * source[2 * maps.fine(cell, i, j)];
          dy[i * kFactor + j] = kFactor * source[2 * maps.fine(cell, i, j) + 1];
        }
      float* own = toMask + cell * kNeighbours * kFine;
      std::fill(mean, mean + kFine, 0.0f);
      for (int64_t k = 0; k < kNeighbours; k++) {
        const int64_t from = maps.neighbour(cell, k);
        const float u = from < 0 ? 0 : flow[2 * from], v = from < 0 ? 0 : flow[2 * from + 1];
        float sumX = 0, sumY = 0;
        for (int64_t p = 0; p < kFine; p++) {
          const float weight = weights[k * kFine + p];
          own[k * kFine + p] = u * dx[p] + v * dy[p];
          mean[p] += weight * own[k * kFine + p];
          sumX += weight * dx[p];
          sumY += weight * dy[p];
        }
        share[(cell * kNeighbours + k) * 2] = sumX;
        share[(cell * kNeighbours + k) * 2 + 1] = sumY;
      }
      for (int64_t k = 0; k < kNeighbours; k++)
        for (int64_t p = 0; p < kFine; p++) own[k * kFine + p] = weights[k * kFine + p] * (own[k * kFine + p] - mean[p]);
    }
  });
  for (int64_t cell = 0; cell < maps.cells(); cell++)
    for (int64_t k = 0; k < kNeighbours; k++) {
      const int64_t from = maps.neighbour(cell, k);
      if (from < 0) continue;
      toFlow[2 * from] += share[(cell * kNeighbours + k) * 2];
      toFlow[2 * from + 1] += share[(cell * kNeighbours + k) * 2 + 1];
    }
  return results(in.env, {dFlow, dMask});
}

}  // namespace

void defineUpsampling(napi_env env, napi_value exports) {
  define(env, exports, "convexUpsample", convexUpsample);
  define(env, exports, "convexUpsampleGradient", convexUpsampleGradient);
}

}  // namespace motioncue
