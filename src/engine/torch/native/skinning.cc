// Linear blend skinning (smpl/lbs.ts has the formula) in one pass over the blend shapes, and its gradient.
//
// Vertices come in blocks of 16, one vector register wide. blend [blocks, K, 3, 16] holds a block's share of all K = N + 9(J-1)
// blend shapes in one run of memory, which is read once for up to eight bodies at a time; it is what bounds the time. Only the
// joints that have weight in a block are visited: weights [entries, 16] of joints [entries], block b's at starts[b] .. starts[b+1].
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <stdexcept>

#include "dispatch.h"
#include "kinematics.h"
#include "tensors.h"

namespace motioncue {
namespace {

constexpr int kLanes = 16, kGroup = 8;
typedef float Lanes __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

struct Body {
  at::Tensor rotations, betas, blend, base, weights, joints, starts, shapes, rest;
  Skeleton skeleton;
  int64_t bodies, vertices, blocks, rows, jointCount;

  // rotations [B,J,3,3], betas [B,N], blend, template [blocks,3,16], weights, joints, starts, jointShapes [N,3J], jointTemplate [1,3J], parents, V
  explicit Body(const Arguments& in) {
    at::Tensor* all[] = {&rotations, &betas, &blend, &base, &weights, &joints, &starts, &shapes, &rest};
    for (size_t i = 0; i < 9; i++) *all[i] = in.tensor(i).contiguous();
    skeleton = {in.integers(9), shapes.data_ptr<float>(), rest.data_ptr<float>(), betas.size(1)};
    vertices = in.integer(10);
    bodies = rotations.size(0);
    blocks = blend.size(0);
    rows = blend.size(1);
    jointCount = skeleton.joints();
    const bool fits = blocks == (vertices + kLanes - 1) / kLanes && rows == betas.size(1) + 9 * (jointCount - 1) && betas.size(0) == bodies &&
                      blend.numel() == blocks * rows * 3 * kLanes && base.numel() == blocks * 3 * kLanes &&
                      rotations.numel() == bodies * jointCount * 9 && shapes.numel() == betas.size(1) * 3 * jointCount && rest.numel() == 3 * jointCount &&
                      starts.numel() == blocks + 1 && weights.numel() == kLanes * joints.numel() && starts.data_ptr<int32_t>()[blocks] == joints.numel();
    if (!fits) throw std::runtime_error("skin: the body's arrays do not fit together");
  }

  const float* rotation(int64_t b) const { return rotations.data_ptr<float>() + b * jointCount * 9; }
  const float* beta(int64_t b) const { return betas.data_ptr<float>() + b * skeleton.betas; }

  // [groups, K, 8]: a group's coefficients of each blend shape side by side, zero for bodies that are not there.
  std::vector<float> coefficients() const {
    std::vector<float> out((bodies + kGroup - 1) / kGroup * rows * kGroup);
    for (int64_t b = 0; b < bodies; b++) {
      float* own = out.data() + b / kGroup * rows * kGroup + b % kGroup;
      for (int64_t n = 0; n < skeleton.betas; n++) own[n * kGroup] = beta(b)[n];
      for (int64_t i = 0; i < 9 * (jointCount - 1); i++) own[(skeleton.betas + i) * kGroup] = rotation(b)[9 + i] - (i % 9 % 4 == 0 ? 1.0f : 0.0f);
    }
    return out;
  }
};

inline Lanes load(const float* from) { return *reinterpret_cast<const Lanes*>(from); }
inline void store(float* to, Lanes value) { *reinterpret_cast<Lanes*>(to) = value; }

// The blended rest vertices of one block for N bodies.
template <int N>
void blendBlock(const float* blend, const float* base, const float* coefficients, int64_t rows, Lanes out[N][3]) {
  Lanes sum[N][3];
  for (int n = 0; n < N; n++)
    for (int c = 0; c < 3; c++) sum[n][c] = load(base + c * kLanes);
  for (int64_t k = 0; k < rows; k++) {
    const Lanes x = load(blend + 3 * k * kLanes), y = load(blend + (3 * k + 1) * kLanes), z = load(blend + (3 * k + 2) * kLanes);
    for (int n = 0; n < N; n++) {
      const float weight = coefficients[k * kGroup + n];
      sum[n][0] += weight * x;
      sum[n][1] += weight * y;
      sum[n][2] += weight * z;
    }
  }
  for (int n = 0; n < N; n++)
    for (int c = 0; c < 3; c++) out[n][c] = sum[n][c];
}

void blendFor(int64_t count, const float* blend, const float* base, const float* coefficients, int64_t rows, Lanes out[kGroup][3]) {
  if (count <= 1) return blendBlock<1>(blend, base, coefficients, rows, out);
  if (count <= 2) return blendBlock<2>(blend, base, coefficients, rows, out);
  if (count <= 4) return blendBlock<4>(blend, base, coefficients, rows, out);
  blendBlock<kGroup>(blend, base, coefficients, rows, out);
}

// skin(body..., transl [B,3] | null) -> [vertices [B,V,3], joints [B,J,3]]
napi_value skin(const Arguments& in) {
  const Body body(in);
  const at::Tensor transl = in.absent(11) ? at::zeros({body.bodies, 3}, body.betas.options()) : in.tensor(11).contiguous();
  const float* shift = transl.data_ptr<float>();
  auto vertices = at::empty({body.bodies, body.vertices, 3}, body.betas.options());
  auto joints = at::empty({body.bodies, body.jointCount, 3}, body.betas.options());
  std::vector<float> transforms(body.bodies * body.jointCount * 12);
  for (int64_t b = 0; b < body.bodies; b++) {
    const Chain chain = chainOf(body.skeleton, body.rotation(b), body.beta(b));
    float* own = transforms.data() + b * body.jointCount * 12;
    transformsOf(body.skeleton, chain, own);
    for (int64_t j = 0; j < body.jointCount; j++)
      for (int r = 0; r < 3; r++) own[12 * j + 4 * r + 3] += shift[3 * b + r];
    float* out = joints.data_ptr<float>() + b * body.jointCount * 3;
    for (int64_t i = 0; i < 3 * body.jointCount; i++) out[i] = chain.place[i] + shift[3 * b + i % 3];
  }
  const auto coefficients = body.coefficients();
  float* target = vertices.data_ptr<float>();
  at::parallel_for(0, body.blocks, 8, [&](int64_t begin, int64_t end) {
    Lanes rest[kGroup][3];
    for (int64_t block = begin; block < end; block++) {
      const float* blend = body.blend.data_ptr<float>() + block * body.rows * 3 * kLanes;
      const float* base = body.base.data_ptr<float>() + block * 3 * kLanes;
      const int32_t* starts = body.starts.data_ptr<int32_t>() + block;
      const int64_t filled = std::min<int64_t>(kLanes, body.vertices - block * kLanes);
      for (int64_t first = 0; first < body.bodies; first += kGroup) {
        const int64_t count = std::min<int64_t>(kGroup, body.bodies - first);
        blendFor(count, blend, base, coefficients.data() + first * body.rows, body.rows, rest);
        for (int64_t n = 0; n < count; n++) {
          const float* own = transforms.data() + (first + n) * body.jointCount * 12;
          Lanes sum[12] = {};
          for (int32_t e = starts[0]; e < starts[1]; e++) {
            const Lanes weight = load(body.weights.data_ptr<float>() + static_cast<int64_t>(e) * kLanes);
            const float* transform = own + 12 * body.joints.data_ptr<int32_t>()[e];
            for (int i = 0; i < 12; i++) sum[i] += transform[i] * weight;
          }
          float* out = target + ((first + n) * body.vertices + block * kLanes) * 3;
          for (int r = 0; r < 3; r++) {
            const Lanes place = sum[4 * r] * rest[n][0] + sum[4 * r + 1] * rest[n][1] + sum[4 * r + 2] * rest[n][2] + sum[4 * r + 3];
            for (int64_t lane = 0; lane < filled; lane++) out[3 * lane + r] = place[lane];
          }
        }
      }
    }
  });
  return results(in.env, {vertices, joints});
}

// What one thread adds up over its blocks: gradients of the transforms [B,J,12] and of the coefficients [groups,K,8], in lanes.
struct Sums {
  std::vector<Lanes> transforms, coefficients;
};

template <int N>
void addCoefficients(const float* blend, const Lanes gradient[N][3], int64_t rows, Lanes* sums) {
  Lanes own[N][3];
  for (int n = 0; n < N; n++)
    for (int c = 0; c < 3; c++) own[n][c] = gradient[n][c];
  for (int64_t k = 0; k < rows; k++) {
    const Lanes x = load(blend + 3 * k * kLanes), y = load(blend + (3 * k + 1) * kLanes), z = load(blend + (3 * k + 2) * kLanes);
    for (int n = 0; n < N; n++) sums[k * kGroup + n] += own[n][0] * x + own[n][1] * y + own[n][2] * z;
  }
}

void gradientOfBlocks(const Body& body, const float* dVertices, const std::vector<float>& transforms, const std::vector<float>& coefficients,
                      int64_t begin, int64_t end, Sums& sums) {
  Lanes rest[kGroup][3], gradient[kGroup][3];
  for (int64_t block = begin; block < end; block++) {
    const float* blend = body.blend.data_ptr<float>() + block * body.rows * 3 * kLanes;
    const float* base = body.base.data_ptr<float>() + block * 3 * kLanes;
    const int32_t* starts = body.starts.data_ptr<int32_t>() + block;
    const int64_t filled = std::min<int64_t>(kLanes, body.vertices - block * kLanes);
    for (int64_t first = 0; first < body.bodies; first += kGroup) {
      const int64_t count = std::min<int64_t>(kGroup, body.bodies - first);
      // Blended again instead of kept from the forward pass: the block is needed in the cache anyway.
      blendFor(count, blend, base, coefficients.data() + first * body.rows, body.rows, rest);
      for (int64_t n = 0; n < count; n++) {
        const float* dv = dVertices + ((first + n) * body.vertices + block * kLanes) * 3;
        Lanes d[3] = {};
        for (int64_t lane = 0; lane < filled; lane++)
          for (int r = 0; r < 3; r++) d[r][lane] = dv[3 * lane + r];
        Lanes outer[12], turn[9] = {};
        for (int r = 0; r < 3; r++) {
          for (int c = 0; c < 3; c++) outer[4 * r + c] = d[r] * rest[n][c];
          outer[4 * r + 3] = d[r];
        }
        for (int32_t e = starts[0]; e < starts[1]; e++) {
          const Lanes weight = load(body.weights.data_ptr<float>() + static_cast<int64_t>(e) * kLanes);
          const int64_t at = ((first + n) * body.jointCount + body.joints.data_ptr<int32_t>()[e]) * 12;
          for (int i = 0; i < 12; i++) sums.transforms[at + i] += weight * outer[i];
          for (int r = 0; r < 3; r++)
            for (int c = 0; c < 3; c++) turn[3 * r + c] += transforms[at + 4 * r + c] * weight;
        }
        for (int c = 0; c < 3; c++) gradient[n][c] = turn[c] * d[0] + turn[3 + c] * d[1] + turn[6 + c] * d[2];
      }
      Lanes* own = sums.coefficients.data() + first * body.rows;
      if (count <= 1) {
        addCoefficients<1>(blend, gradient, body.rows, own);
      } else if (count <= 4) {
        for (int64_t n = count; n < 4; n++) gradient[n][0] = gradient[n][1] = gradient[n][2] = Lanes{};
        addCoefficients<4>(blend, gradient, body.rows, own);
      } else {
        for (int64_t n = count; n < kGroup; n++) gradient[n][0] = gradient[n][1] = gradient[n][2] = Lanes{};
        addCoefficients<kGroup>(blend, gradient, body.rows, own);
      }
    }
  }
}

inline float total(const Lanes& lanes) {
  float sum = 0;
  for (int i = 0; i < kLanes; i++) sum += lanes[i];
  return sum;
}

// skinGradient(body..., dVertices [B,V,3], dJoints [B,J,3]) -> [dRotations [B,J,3,3], dBetas [B,N], dTransl [B,3]]
napi_value skinGradient(const Arguments& in) {
  const Body body(in);
  const auto dVertices = in.tensor(11).contiguous(), dJoints = in.tensor(12).contiguous();
  if (dVertices.numel() != body.bodies * body.vertices * 3 || dJoints.numel() != body.bodies * body.jointCount * 3)
    throw std::runtime_error("skinGradient: the gradients do not have the shapes of vertices and joints");
  std::vector<Chain> chains;
  std::vector<float> transforms(body.bodies * body.jointCount * 12);
  for (int64_t b = 0; b < body.bodies; b++) {
    chains.push_back(chainOf(body.skeleton, body.rotation(b), body.beta(b)));
    transformsOf(body.skeleton, chains.back(), transforms.data() + b * body.jointCount * 12);
  }
  const auto coefficients = body.coefficients();
  // One share of blocks per thread, added up in the shares' order, so that equal thread counts give equal bits.
  const int64_t shares = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), body.blocks / 8));
  std::vector<Sums> sums(shares);
  at::parallel_for(0, shares, 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; s++) {
      sums[s].transforms.assign(transforms.size(), Lanes{});
      sums[s].coefficients.assign(coefficients.size(), Lanes{});
      gradientOfBlocks(body, dVertices.data_ptr<float>(), transforms, coefficients, body.blocks * s / shares, body.blocks * (s + 1) / shares, sums[s]);
    }
  });
  for (int64_t s = 1; s < shares; s++) {
    for (size_t i = 0; i < transforms.size(); i++) sums[0].transforms[i] += sums[s].transforms[i];
    for (size_t i = 0; i < coefficients.size(); i++) sums[0].coefficients[i] += sums[s].coefficients[i];
  }
  auto dRotations = at::zeros({body.bodies, body.jointCount, 3, 3}, body.betas.options());
  auto dBetas = at::zeros(body.betas.sizes(), body.betas.options());
  auto dTransl = at::zeros({body.bodies, 3}, body.betas.options());
  std::vector<float> dTransforms(body.jointCount * 12);
  for (int64_t b = 0; b < body.bodies; b++) {
    float *rotation = dRotations.data_ptr<float>() + b * body.jointCount * 9, *beta = dBetas.data_ptr<float>() + b * body.skeleton.betas;
    float* shift = dTransl.data_ptr<float>() + 3 * b;
    const float* dPlaces = dJoints.data_ptr<float>() + b * body.jointCount * 3;
    const Lanes* own = sums[0].coefficients.data() + b / kGroup * body.rows * kGroup + b % kGroup;
    for (int64_t n = 0; n < body.skeleton.betas; n++) beta[n] = total(own[n * kGroup]);
    for (int64_t i = 0; i < 9 * (body.jointCount - 1); i++) rotation[9 + i] = total(own[(body.skeleton.betas + i) * kGroup]);
    for (int64_t i = 0; i < body.jointCount * 12; i++) dTransforms[i] = total(sums[0].transforms[b * body.jointCount * 12 + i]);
    for (int64_t j = 0; j < body.jointCount; j++)
      for (int r = 0; r < 3; r++) shift[r] += dTransforms[12 * j + 4 * r + 3] + dPlaces[3 * j + r];
    chainGradient(body.skeleton, chains[b], body.rotation(b), dTransforms.data(), dPlaces, rotation, beta);
  }
  return results(in.env, {dRotations, dBetas, dTransl});
}

}  // namespace

void defineSkinning(napi_env env, napi_value exports) {
  define(env, exports, "skin", skin);
  define(env, exports, "skinGradient", skinGradient);
}

}  // namespace motioncue
