// The joints' part of linear blend skinning for one body: its kinematic chain and the chain's gradient, plain loops over joints.
// Joint 0 is the root; parents come before children. Matrices are row-major.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

namespace motioncue {

struct Skeleton {
  std::vector<int64_t> parents;
  const float* shapes;  // [N, 3J] joint displacements per beta
  const float* rest;    // [3J] joints of the mean shape
  int64_t betas;
  int64_t joints() const { return static_cast<int64_t>(parents.size()); }
};

// One body's chain: rest joints [J,3], world rotations [J,3,3] and places [J,3].
struct Chain {
  std::vector<float> rest, turn, place;
};

inline void multiply(const float* a, const float* b, float* out) {
  for (int r = 0; r < 3; r++)
    for (int c = 0; c < 3; c++) out[3 * r + c] = a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c] + a[3 * r + 2] * b[6 + c];
}

inline Chain chainOf(const Skeleton& s, const float* rotations, const float* betas) {
  const int64_t joints = s.joints();
  Chain chain{std::vector<float>(s.rest, s.rest + 3 * joints), std::vector<float>(9 * joints), std::vector<float>(3 * joints)};
  for (int64_t n = 0; n < s.betas; n++)
    for (int64_t i = 0; i < 3 * joints; i++) chain.rest[i] += betas[n] * s.shapes[n * 3 * joints + i];
  for (int64_t j = 0; j < joints; j++) {
    float* place = &chain.place[3 * j];
    const float* rest = &chain.rest[3 * j];
    if (s.parents[j] < 0) {
      std::memcpy(&chain.turn[9 * j], rotations + 9 * j, 9 * sizeof(float));
      std::memcpy(place, rest, 3 * sizeof(float));
      continue;
    }
    const int64_t p = s.parents[j];
    const float *turn = &chain.turn[9 * p], *from = &chain.rest[3 * p];
    multiply(turn, rotations + 9 * j, &chain.turn[9 * j]);
    for (int r = 0; r < 3; r++) {
      place[r] = chain.place[3 * p + r];
      for (int c = 0; c < 3; c++) place[r] += turn[3 * r + c] * (rest[c] - from[c]);
    }
  }
  return chain;
}

// Skinning transforms [J,12]: columns 0..2 turn, column 3 shifts a rest vertex (without translation).
inline void transformsOf(const Skeleton& s, const Chain& chain, float* out) {
  for (int64_t j = 0; j < s.joints(); j++) {
    const float *turn = &chain.turn[9 * j], *rest = &chain.rest[3 * j];
    for (int r = 0; r < 3; r++) {
      float shift = chain.place[3 * j + r];
      for (int c = 0; c < 3; c++) {
        out[12 * j + 4 * r + c] = turn[3 * r + c];
        shift -= turn[3 * r + c] * rest[c];
      }
      out[12 * j + 4 * r + 3] = shift;
    }
  }
}

// Adds to dRotations [J,9] and dBetas [N] from the gradients of the transforms [J,12] and of the joints' places [J,3].
inline void chainGradient(const Skeleton& s, const Chain& chain, const float* rotations, const float* dTransforms, const float* dJoints,
                          float* dRotations, float* dBetas) {
  const int64_t joints = s.joints();
  std::vector<float> dTurn(9 * joints), dPlace(3 * joints), dRest(3 * joints);
  for (int64_t j = 0; j < joints; j++) {
    for (int r = 0; r < 3; r++) {
      const float shift = dTransforms[12 * j + 4 * r + 3];
      dPlace[3 * j + r] = shift + dJoints[3 * j + r];
      for (int c = 0; c < 3; c++) {
        dTurn[9 * j + 3 * r + c] = dTransforms[12 * j + 4 * r + c] - shift * chain.rest[3 * j + c];
        dRest[3 * j + c] -= chain.turn[9 * j + 3 * r + c] * shift;
      }
    }
  }
  for (int64_t j = joints - 1; j >= 0; j--) {
    const int64_t p = s.parents[j];
    const float *own = &dTurn[9 * j], *place = &dPlace[3 * j];
    if (p < 0) {
      for (int i = 0; i < 9; i++) dRotations[9 * j + i] += own[i];
      for (int i = 0; i < 3; i++) dRest[3 * j + i] += place[i];
      continue;
    }
    const float *turn = &chain.turn[9 * p], *local = rotations + 9 * j;
    for (int r = 0; r < 3; r++) {
      dPlace[3 * p + r] += place[r];
      for (int c = 0; c < 3; c++) {
        dRotations[9 * j + 3 * r + c] += turn[r] * own[c] + turn[3 + r] * own[3 + c] + turn[6 + r] * own[6 + c];
        dTurn[9 * p + 3 * r + c] += own[3 * r] * local[3 * c] + own[3 * r + 1] * local[3 * c + 1] + own[3 * r + 2] * local[3 * c + 2] +
                                    place[r] * (chain.rest[3 * j + c] - chain.rest[3 * p + c]);
      }
    }
    for (int c = 0; c < 3; c++) {
      const float along = turn[c] * place[0] + turn[3 + c] * place[1] + turn[6 + c] * place[2];
      dRest[3 * j + c] += along;
      dRest[3 * p + c] -= along;
    }
  }
  for (int64_t n = 0; n < s.betas; n++)
    for (int64_t i = 0; i < 3 * joints; i++) dBetas[n] += dRest[i] * s.shapes[n * 3 * joints + i];
}

}  // namespace motioncue
