// exp, sigmoid and tanh as straight-line code that compilers turn into vector instructions; errors below 2e-7 of 1.
#pragma once
#include <cstdint>
#include <cstring>

namespace motioncue {

inline float fastExp(float x) {
  x = x > 88.0f ? 88.0f : (x < -87.0f ? -87.0f : x);
  // x = n ln 2 + r with |r| <= ln 2 / 2; adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const float r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
  const float series = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666667f + r * (0.00833333333f + r * 0.00138888889f)))));
  int32_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits = static_cast<int32_t>((static_cast<uint32_t>(bits) + 127u) << 23);
  float power;
  std::memcpy(&power, &bits, sizeof(power));
  return series * power;
}

// NaN stays NaN.
inline float fastSigmoid(float x) { return x == x ? 1.0f / (1.0f + fastExp(-x)) : x; }
inline float fastTanh(float x) { return x == x ? 1.0f - 2.0f / (1.0f + fastExp(2.0f * x)) : x; }

}  // namespace motioncue
