#include "winograd.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/flip.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "winograd_tiles.h"

namespace motioncue {
namespace {

// Tiles that are worked on at once: enough for the weights to be read seldom, few enough for the caches.
constexpr int64_t kAtOnce = 48;
// Below this many tiles the transformed weights, four times the plain ones, cost more than is saved.
constexpr int64_t kFewest = 32;
// Of images and gradients together, for the gradient of the weights: 12 MB, which stays in the last cache.
constexpr int64_t kFloatsAtOnce = 3 << 20;

// Floats from one place to the next: not a power of two, or all places of a tile would fall on the same lines of the cache.
int64_t weightStep(int64_t channels, int64_t outputs) { return channels * outputs + kLanes; }

// Where transformed tiles go: entry (place, tile, channel).
struct Planes {
  int64_t placeStep, tileStep, panelStep;
  int64_t at(int64_t place, int64_t tile, int64_t channel) const {
    return place * placeStep + tile * tileStep + channel / kPanel * panelStep + channel % kPanel;
  }
};
// [place][tile][channel], and the same with channels in panels: [place][panel][tile][channel of the panel].
Planes byTile(int64_t tiles, int64_t channels) { return {tiles * channels + kLanes, channels, kPanel}; }
Planes byPanel(int64_t tiles, int64_t channels) { return {tiles * channels + kLanes, kPanel, tiles * kPanel}; }

// A tile's pixels, those outside of the image taken from `zeros`; its top left pixel lies `border` before the tile's place.
template <int64_t Side, int64_t Border>
void pixelsOf(const Tiling& t, int64_t tile, const float* x, int64_t channels, const float* zeros, const float* (&pixels)[kPlaces]) {
  const auto at = t.place(tile);
  for (int64_t i = 0; i < Side; i++) {
    for (int64_t j = 0; j < Side; j++) {
      const int64_t row = at.y - Border + i, column = at.x - Border + j;
      const bool inside = row >= 0 && row < t.height && column >= 0 && column < t.width;
      pixels[i * kWindow + j] = inside ? x + ((at.image * t.height + row) * t.width + column) * channels : zeros;
    }
  }
}

// `count` tiles from `first` on, transformed: windows of an image (Side 6, Border 1), or tiles of a result's gradient (4, 0).
template <int64_t Side, int64_t Border, typename Line>
void transformTiles(const Tiling& t, int64_t first, int64_t count, const float* x, int64_t channels, const Line& line, float* out, const Planes& planes) {
  const std::vector<float> zeros(channels);
  for (int64_t i = 0; i < count; i++) {
    const float* pixels[kPlaces];
    pixelsOf<Side, Border>(t, first + i, x, channels, zeros.data(), pixels);
    for (int64_t c = 0; c < channels; c += kLanes) {
      Lanes tile[kPlaces];
      for (int64_t y = 0; y < Side; y++) {
        for (int64_t x = 0; x < Side; x++) tile[y * kWindow + x] = load(pixels[y * kWindow + x] + c);
      }
      alongBoth(tile, Side, kWindow, line);
      for (int64_t k = 0; k < kPlaces; k++) store(out + planes.at(k, i, c), tile[k]);
    }
  }
}

struct Work {
  Tiling tiling;
  int64_t outputs;
  const float *shift, *residual;
  bool relu;
  float* y;
};

// The other way: results from [place][tile][output], with all that is added to them.
void transformResults(const Work& w, int64_t first, int64_t count, const float* from, const Planes& planes) {
  const Tiling& t = w.tiling;
  for (int64_t i = 0; i < count; i++) {
    const auto at = t.place(first + i);
    const int64_t rows = std::min(kTile, t.height - at.y), columns = std::min(kTile, t.width - at.x);
    const int64_t corner = ((at.image * t.height + at.y) * t.width + at.x) * w.outputs;
    for (int64_t o = 0; o < w.outputs; o += kLanes) {
      Lanes tile[kPlaces];
      for (int64_t k = 0; k < kPlaces; k++) tile[k] = load(from + planes.at(k, i, o));
      alongBoth(tile, kWindow, kTile, resultLine);
      const Lanes shift = w.shift ? load(w.shift + o) : Lanes{};
      for (int64_t y = 0; y < rows; y++) {
        for (int64_t x = 0; x < columns; x++) {
          const int64_t pixel = corner + (y * t.width + x) * w.outputs + o;
          Lanes value = tile[y * kWindow + x] + shift;
          if (w.residual) value += load(w.residual + pixel);
          // NaN passes, as it does through tfjs's relu.
          store(w.y + pixel, w.relu ? (value < 0 ? Lanes{} : value) : value);
        }
      }
    }
  }
}

}  // namespace

bool winogradFits(at::IntArrayRef images, int64_t channels, int64_t outputs) {
#ifdef __AVX512F__
  return channels % kLanes == 0 && outputs % kPanel == 0 && Tiling(images[0], images[1], images[2]).count() >= kFewest;
#else
  // The products want AVX-512's 32 registers.
  return false;
#endif
}

at::Tensor winogradWeights(const at::Tensor& weight, bool backwards) {
  // [3,3,channels,outputs]
  const auto taps = (backwards ? at::flip(weight, {2, 3}).permute({2, 3, 0, 1}) : weight.permute({2, 3, 1, 0})).contiguous();
  const int64_t channels = taps.size(2), outputs = taps.size(3);
  const int64_t step = weightStep(channels, outputs);
  auto out = at::empty({kPlaces, step}, weight.options());
  const float* from = taps.data_ptr<float>();
  float* to = out.data_ptr<float>();
  at::parallel_for(0, outputs / kLanes, 1, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin * kLanes; o < end * kLanes; o += kLanes) {
      for (int64_t c = 0; c < channels; c++) {
        Lanes tile[kPlaces];
        for (int64_t k = 0; k < 9; k++) tile[k / 3 * kWindow + k % 3] = load(from + (k * channels + c) * outputs + o);
        alongBoth(tile, 3, kWindow, filterLine);
        for (int64_t k = 0; k < kPlaces; k++) store(to + k * step + (o / kPanel * channels + c) * kPanel + o % kPanel, tile[k]);
      }
    }
  });
  return out;
}

at::Tensor winograd(const at::Tensor& x, const at::Tensor& weights, int64_t outputs, const at::Tensor& shift, const at::Tensor& residual, bool relu) {
  const Tiling tiling(x.size(0), x.size(1), x.size(2));
  const int64_t channels = x.size(3), panels = outputs / kPanel, count = tiling.count();
  auto y = at::empty({x.size(0), x.size(1), x.size(2), outputs}, x.options());
  const auto added = residual.defined() ? residual.contiguous() : residual;
  const Work work{tiling, outputs, shift.defined() ? shift.data_ptr<float>() : nullptr, added.defined() ? added.data_ptr<float>() : nullptr, relu,
                  y.data_ptr<float>()};
  const float *image = x.data_ptr<float>(), *packed = weights.data_ptr<float>();
  // As many tiles at once in every thread, and no short run at the end.
  const int64_t threads = at::get_num_threads(), turns = std::max<int64_t>(1, (count + threads * kAtOnce / 2) / (threads * kAtOnce));
  const int64_t atOnce = (count + threads * turns - 1) / (threads * turns);
  at::parallel_for(0, (count + atOnce - 1) / atOnce, 1, [&](int64_t begin, int64_t end) {
    const Planes images = byTile(atOnce, channels), results = byTile(atOnce, outputs);
    const std::unique_ptr<Lanes[]> room(new Lanes[kPlaces * (images.placeStep + results.placeStep) / kLanes]);
    float *before = reinterpret_cast<float*>(room.get()), *after = before + kPlaces * images.placeStep;
    for (int64_t turn = begin; turn < end; turn++) {
      const int64_t first = turn * atOnce, tiles = std::min(atOnce, count - first);
      transformTiles<kWindow, 1>(tiling, first, tiles, image, channels, imageLine, before, images);
      for (int64_t place = 0; place < kPlaces; place++) {
        for (int64_t panel = 0; panel < panels; panel++) {
          const float* with = packed + place * weightStep(channels, outputs) + panel * channels * kPanel;
          multiply({before + images.at(place, 0, 0), channels, 1, with, kPanel, channels, after + results.at(place, 0, panel * kPanel), outputs, false}, tiles);
        }
      }
      transformResults(work, first, tiles, after, results);
    }
  });
  return y;
}

at::Tensor winogradWeightGradient(const at::Tensor& dy, const at::Tensor& x) {
  const Tiling tiling(x.size(0), x.size(1), x.size(2));
  const int64_t channels = x.size(3), outputs = dy.size(3), panels = channels / kPanel, count = tiling.count();
  const int64_t turns = std::max<int64_t>(1, count * kPlaces * (channels + outputs) / kFloatsAtOnce), atOnce = (count + turns - 1) / turns;
  const Planes images = byPanel(atOnce, channels), gradients = byTile(atOnce, outputs);
  const int64_t step = weightStep(channels, outputs);
  const std::unique_ptr<Lanes[]> room(new Lanes[kPlaces * (images.placeStep + gradients.placeStep + step) / kLanes]);
  float *image = reinterpret_cast<float*>(room.get()), *gradient = image + kPlaces * images.placeStep, *sums = gradient + kPlaces * gradients.placeStep;
  const float *from = x.data_ptr<float>(), *with = dy.data_ptr<float>();
  for (int64_t first = 0; first < count; first += atOnce) {
    const int64_t tiles = std::min(atOnce, count - first);
    at::parallel_for(0, tiles, 8, [&](int64_t begin, int64_t end) {
      transformTiles<kWindow, 1>(tiling, first + begin, end - begin, from, channels, imageLine, image + images.at(0, begin, 0), images);
      transformTiles<kTile, 0>(tiling, first + begin, end - begin, with, outputs, gradientLine, gradient + gradients.at(0, begin, 0), gradients);
    });
    // Row o of a place's sums [O,C]: the tiles' gradients of output o times their images.
    at::parallel_for(0, kPlaces * panels, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const int64_t place = i / panels, panel = i % panels;
        multiply({gradient + gradients.at(place, 0, 0), 1, outputs, image + images.at(place, 0, panel * kPanel), kPanel, tiles,
                  sums + place * step + panel * kPanel, channels, first > 0},
                 outputs);
      }
    });
  }
  auto out = at::empty({outputs, 3, 3, channels}, x.options());
  float* to = out.data_ptr<float>();
  at::parallel_for(0, outputs, 8, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++) {
      for (int64_t c = 0; c < channels; c += kLanes) {
        Lanes tile[kPlaces];
        for (int64_t k = 0; k < kPlaces; k++) tile[k] = load(sums + k * step + o * channels + c);
        alongBoth(tile, kWindow, 3, filterGradientLine);
        for (int64_t k = 0; k < 9; k++) store(to + (o * 9 + k) * channels + c, tile[k / 3 * kWindow + k % 3]);
      }
    }
  });
  return out.permute({0, 3, 1, 2});
}

}  // namespace motioncue
