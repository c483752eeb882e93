// Winograd's F(4x4, 3x3) on channels-last images (Lavin & Gray, arXiv 1509.09308, section 4.1): the transforms of one tile.
// The points are 0, +-3/4, +-5/4 and infinity: with them the error in float32 is some 2.5 times that of plain sums, a third of
// what the customary 0, +-1, +-2 give; and all constants but the filters' are exact.
#pragma once
#include "lanes.h"

namespace motioncue {

constexpr int64_t kTile = 4, kWindow = 6, kPlaces = kWindow * kWindow;
constexpr float kA = 0.75f, kB = 1.25f, kA2 = kA * kA, kB2 = kB * kB;
constexpr float kByZero = 1 / (kA2 * kB2), kByA = 1 / (2 * kA2 * (kA2 - kB2)), kByB = 1 / (2 * kB2 * (kB2 - kA2));

// Each takes numbers that lie `step` lanes apart and may write where it reads from.

// Six pixels -> six places.
inline void imageLine(const Lanes* d, Lanes* out, int step) {
  const Lanes d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  const Lanes evenA = d4 - kB2 * d2, oddA = kA * (d3 - kB2 * d1), evenB = d4 - kA2 * d2, oddB = kB * (d3 - kA2 * d1);
  out[0] = kA2 * kB2 * d0 - (kA2 + kB2) * d2 + d4;
  out[step] = evenA + oddA;
  out[2 * step] = evenA - oddA;
  out[3 * step] = evenB + oddB;
  out[4 * step] = evenB - oddB;
  out[5 * step] = kA2 * kB2 * d1 - (kA2 + kB2) * d3 + d5;
}

// Six places -> four pixels of the result.
inline void resultLine(const Lanes* m, Lanes* out, int step) {
  const Lanes sumA = m[step] + m[2 * step], differenceA = kA * (m[step] - m[2 * step]);
  const Lanes sumB = m[3 * step] + m[4 * step], differenceB = kB * (m[3 * step] - m[4 * step]);
  const Lanes first = m[0], last = m[5 * step];
  out[0] = first + sumA + sumB;
  out[step] = differenceA + differenceB;
  out[2 * step] = kA2 * sumA + kB2 * sumB;
  out[3 * step] = kA2 * differenceA + kB2 * differenceB + last;
}

// The transpose of resultLine: four pixels of a gradient -> six places.
inline void gradientLine(const Lanes* y, Lanes* out, int step) {
  const Lanes y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
  const Lanes evenA = y0 + kA2 * y2, oddA = kA * (y1 + kA2 * y3), evenB = y0 + kB2 * y2, oddB = kB * (y1 + kB2 * y3);
  out[0] = y0;
  out[step] = evenA + oddA;
  out[2 * step] = evenA - oddA;
  out[3 * step] = evenB + oddB;
  out[4 * step] = evenB - oddB;
  out[5 * step] = y3;
}

// Three weights -> six places.
inline void filterLine(const Lanes* g, Lanes* out, int step) {
  const Lanes g0 = g[0], g1 = g[step], g2 = g[2 * step];
  const Lanes evenA = kByA * (g0 + kA2 * g2), oddA = (kByA * kA) * g1, evenB = kByB * (g0 + kB2 * g2), oddB = (kByB * kB) * g1;
  out[0] = kByZero * g0;
  out[step] = evenA + oddA;
  out[2 * step] = evenA - oddA;
  out[3 * step] = evenB + oddB;
  out[4 * step] = evenB - oddB;
  out[5 * step] = g2;
}

// The transpose of filterLine: six places -> three weights.
inline void filterGradientLine(const Lanes* u, Lanes* out, int step) {
  const Lanes sumA = kByA * (u[step] + u[2 * step]), differenceA = (kByA * kA) * (u[step] - u[2 * step]);
  const Lanes sumB = kByB * (u[3 * step] + u[4 * step]), differenceB = (kByB * kB) * (u[3 * step] - u[4 * step]);
  const Lanes first = u[0], last = u[5 * step];
  out[0] = kByZero * first + sumA + sumB;
  out[step] = differenceA + differenceB;
  out[2 * step] = kA2 * sumA + kB2 * sumB + last;
}

// A line's transform along both sides of a tile of kWindow x kWindow lanes, of which the first rows x columns are taken.
template <typename Line>
inline void alongBoth(Lanes (&tile)[kPlaces], int columns, int rowsAfter, const Line& line) {
  for (int j = 0; j < columns; j++) line(tile + j, tile + j, kWindow);
  for (int i = 0; i < rowsAfter; i++) line(tile + i * kWindow, tile + i * kWindow, 1);
}

// Where the tiles of an image lie.
struct Tiling {
  int64_t images, height, width, rows, columns;
  Tiling(int64_t images, int64_t height, int64_t width)
      : images(images), height(height), width(width), rows((height + kTile - 1) / kTile), columns((width + kTile - 1) / kTile) {}
  int64_t count() const { return images * rows * columns; }
  // Top left pixel of a tile.
  struct Place {
    int64_t image, y, x;
  };
  Place place(int64_t tile) const {
    const int64_t image = tile / (rows * columns), rest = tile % (rows * columns);
    return {image, rest / columns * kTile, rest % columns * kTile};
  }
};

}  // namespace motioncue
