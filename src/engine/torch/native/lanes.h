// Sixteen floats that are worked on at once, and products of small matrices that keep their sums in registers.
#pragma once
#include <c10/util/BFloat16.h>

#include <cstdint>
#include <cstring>
#include <utility>

namespace motioncue {

constexpr int64_t kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

inline Lanes load(const float* from) {
  Lanes x;
  std::memcpy(&x, from, sizeof(x));
  return x;
}
inline void store(float* to, Lanes x) { std::memcpy(to, &x, sizeof(x)); }

// bfloat16 is the upper half of float32.
typedef uint16_t Halves __attribute__((vector_size(kLanes * sizeof(uint16_t))));
typedef uint32_t Words __attribute__((vector_size(kLanes * sizeof(uint32_t))));
inline Lanes load(const c10::BFloat16* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof(halves));
  const Words words = __builtin_convertvector(halves, Words) << 16;
  Lanes x;
  std::memcpy(&x, &words, sizeof(x));
  return x;
}
// For numbers that were bfloat16 before: nothing is rounded.
inline void store(c10::BFloat16* to, Lanes x) {
  Words words;
  std::memcpy(&words, &x, sizeof(words));
  const Halves halves = __builtin_convertvector(words >> 16, Halves);
  std::memcpy(to, &halves, sizeof(halves));
}

// Columns of a panel, and the most rows whose sums fit in the registers beside it: 24 of AVX-512's 32.
constexpr int64_t kPanel = 2 * kLanes, kRows = 12;

// One strip of c = a b, or c += a b: entry (i, k) of a lies at a[i * aRow + k * aColumn], row k of b at b[k * bRow], kPanel long.
struct Strip {
  const float* a;
  int64_t aRow, aColumn;
  const float* b;
  int64_t bRow, depth;
  float* c;
  int64_t cRow;
  bool adds;
};

template <int R>
void multiplyRows(const Strip& s) {
  Lanes sums[R][2];
  for (int i = 0; i < R; i++) {
    sums[i][0] = s.adds ? load(s.c + i * s.cRow) : Lanes{};
    sums[i][1] = s.adds ? load(s.c + i * s.cRow + kLanes) : Lanes{};
  }
  const float *a = s.a, *b = s.b;
  const int64_t aRow = s.aRow;
  for (int64_t k = 0; k < s.depth; k++, a += s.aColumn, b += s.bRow) {
    const Lanes left = load(b), right = load(b + kLanes);
#pragma GCC unroll 12
    for (int i = 0; i < R; i++) {
      const Lanes factor = a[i * aRow] - Lanes{};
      sums[i][0] += factor * left;
      sums[i][1] += factor * right;
    }
  }
  for (int i = 0; i < R; i++) {
    store(s.c + i * s.cRow, sums[i][0]);
    store(s.c + i * s.cRow + kLanes, sums[i][1]);
  }
}

template <size_t... Is>
void multiplyRowsOf(int64_t rows, const Strip& s, std::index_sequence<Is...>) {
  static constexpr void (*kinds[])(const Strip&) = {multiplyRows<static_cast<int>(Is) + 1>...};
  kinds[rows - 1](s);
}

// A strip of any number of rows, in runs of nearly one length.
inline void multiply(Strip s, int64_t rows) {
  for (int64_t left = (rows + kRows - 1) / kRows; left > 0; left--) {
    const int64_t run = (rows + left - 1) / left;
    multiplyRowsOf(run, s, std::make_index_sequence<kRows>());
    s.a += run * s.aRow;
    s.c += run * s.cRow;
    rows -= run;
  }
}

}  // namespace motioncue
