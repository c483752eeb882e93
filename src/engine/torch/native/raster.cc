// The z-buffer rasteriser of src/geometry/rasterize.ts on all cores, and the vertices that meshes show. Both must agree with
// the TypeScript to the last bit: the same double arithmetic in the same order, products and sums never contracted.
#pragma GCC optimize("fp-contract=off")
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "dispatch.h"
#include "tensors.h"

namespace motioncue {
namespace {

template <typename T>
struct Array {
  T* data = nullptr;
  int64_t size = 0;
};

template <typename T>
Array<T> arrayOf(const Arguments& in, size_t i, napi_typedarray_type wanted) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (i >= in.count || napi_get_typedarray_info(in.env, in.values[i], &type, &length, &data, nullptr, nullptr) != napi_ok || type != wanted) {
    throw std::runtime_error("argument " + std::to_string(i) + " must be a typed array of the right kind");
  }
  return {static_cast<T*>(data), static_cast<int64_t>(length)};
}

struct Mesh {
  const float* vertices;  // [V,3]
  const uint32_t* faces;  // [F,3]
  int64_t faceCount;
  int64_t width, height;
  bool perspective;
};

// [H,W] each; barycentric may be null.
struct Picture {
  int32_t* face;
  float* depth;
  float* barycentric;
};

// The rows [firstRow, endRow) of one mesh's picture, which must be empty before.
template <bool kPerspective, bool kBarycentric>
void drawRows(const Mesh& mesh, const Picture& picture, int64_t firstRow, int64_t endRow) {
  const double lastColumn = static_cast<double>(mesh.width - 1), lastRow = static_cast<double>(endRow - 1);
  const double zerothRow = static_cast<double>(firstRow);
  for (int64_t f = 0; f < mesh.faceCount; f++) {
    const float* a = mesh.vertices + 3 * static_cast<int64_t>(mesh.faces[3 * f]);
    const float* b = mesh.vertices + 3 * static_cast<int64_t>(mesh.faces[3 * f + 1]);
    const float* c = mesh.vertices + 3 * static_cast<int64_t>(mesh.faces[3 * f + 2]);
    // NaN corners may pass here; the area below catches them.
    const double leftEdge = std::max(0.0, std::ceil(static_cast<double>(std::min(std::min(a[0], b[0]), c[0]))));
    const double rightEdge = std::min(lastColumn, std::floor(static_cast<double>(std::max(std::max(a[0], b[0]), c[0]))));
    if (!(leftEdge <= rightEdge)) continue;
    const double topEdge = std::max(zerothRow, std::ceil(static_cast<double>(std::min(std::min(a[1], b[1]), c[1]))));
    const double bottomEdge = std::min(lastRow, std::floor(static_cast<double>(std::max(std::max(a[1], b[1]), c[1]))));
    if (!(topEdge <= bottomEdge)) continue;
    const double ax = a[0], ay = a[1], az = a[2], bx = b[0], by = b[1], bz = b[2], cx = c[0], cy = c[1], cz = c[2];
    const double area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (!(area != 0 && area - area == 0)) continue;
    const double depths = az + bz + cz;
    if (!(depths - depths == 0)) continue;
    if (kPerspective && !(az > 0 && bz > 0 && cz > 0)) continue;
    const double az1 = kPerspective ? 1 / az : az, bz1 = kPerspective ? 1 / bz : bz, cz1 = kPerspective ? 1 / cz : cz;
    const double sign = area > 0 ? 1 : -1, inverse = sign / area;
    const double ux = (by - cy) * sign, vx = (cy - ay) * sign, wx = (ay - by) * sign;
    const auto left = static_cast<int64_t>(leftEdge), right = static_cast<int64_t>(rightEdge);
    const auto bottom = static_cast<int64_t>(bottomEdge);
    for (auto y = static_cast<int64_t>(topEdge); y <= bottom; y++) {
      const double py = static_cast<double>(y), px = leftEdge;
      double u = ((cx - bx) * (py - by) - (cy - by) * (px - bx)) * sign;
      double v = ((ax - cx) * (py - cy) - (ay - cy) * (px - cx)) * sign;
      double w = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) * sign;
      int64_t pixel = y * mesh.width + left;
      for (int64_t x = left; x <= right; x++, pixel++, u += ux, v += vx, w += wx) {
        if (u < 0 || v < 0 || w < 0) continue;
        const double linear = (u * az1 + v * bz1 + w * cz1) * inverse;
        const double z = kPerspective ? 1 / linear : linear;
        if (z >= static_cast<double>(picture.depth[pixel])) continue;
        picture.depth[pixel] = static_cast<float>(z);
        picture.face[pixel] = static_cast<int32_t>(f);
        if (!kBarycentric) continue;
        const double scale = kPerspective ? z * inverse : inverse;
        picture.barycentric[3 * pixel] = static_cast<float>(u * scale * (kPerspective ? az1 : 1));
        picture.barycentric[3 * pixel + 1] = static_cast<float>(v * scale * (kPerspective ? bz1 : 1));
        picture.barycentric[3 * pixel + 2] = static_cast<float>(w * scale * (kPerspective ? cz1 : 1));
      }
    }
  }
}

// Clears and draws; in bands of rows, each on a core, where the cores are not busy with a mesh each already.
void draw(const Mesh& mesh, const Picture& picture) {
  const auto rows = mesh.perspective ? (picture.barycentric ? drawRows<true, true> : drawRows<true, false>)
                                     : (picture.barycentric ? drawRows<false, true> : drawRows<false, false>);
  const int64_t bands = at::in_parallel_region() ? 1 : std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), mesh.height / 16));
  at::parallel_for(0, bands, 1, [&](int64_t begin, int64_t end) {
    const int64_t first = mesh.height * begin / bands, last = mesh.height * end / bands;
    std::fill(picture.face + first * mesh.width, picture.face + last * mesh.width, -1);
    std::fill(picture.depth + first * mesh.width, picture.depth + last * mesh.width, std::numeric_limits<float>::infinity());
    if (picture.barycentric) std::fill(picture.barycentric + 3 * first * mesh.width, picture.barycentric + 3 * last * mesh.width, 0.0f);
    rows(mesh, picture, first, last);
  });
}

void checkFaces(const Array<uint32_t>& faces, int64_t vertexCount) {
  if (faces.size % 3 != 0) throw std::runtime_error("faces must come in threes");
  uint32_t highest = 0;
  for (int64_t i = 0; i < faces.size; i++) highest = std::max(highest, faces.data[i]);
  if (faces.size > 0 && static_cast<int64_t>(highest) >= vertexCount) throw std::runtime_error("a face names a vertex that does not exist");
}

// rasterize(vertices f32 [V*3], faces u32 [F*3], width, height, perspective, face i32 out, depth f32 out, barycentric f32 out | null)
napi_value rasterize(const Arguments& in) {
  const auto vertices = arrayOf<float>(in, 0, napi_float32_array);
  const auto faces = arrayOf<uint32_t>(in, 1, napi_uint32_array);
  const int64_t width = in.integer(2), height = in.integer(3), pixels = width * height;
  const auto face = arrayOf<int32_t>(in, 5, napi_int32_array);
  const auto depth = arrayOf<float>(in, 6, napi_float32_array);
  const auto barycentric = in.absent(7) ? Array<float>{} : arrayOf<float>(in, 7, napi_float32_array);
  if (width < 0 || height < 0 || face.size != pixels || depth.size != pixels || (barycentric.data && barycentric.size != 3 * pixels)) {
    throw std::runtime_error("rasterize: the arrays to fill do not have the picture's size");
  }
  checkFaces(faces, vertices.size / 3);
  draw({vertices.data, faces.data, faces.size / 3, width, height, in.boolean(4)}, {face.data, depth.data, barycentric.data});
  return nullptr;
}

// Clears what stands within `radius` pixels of a pixel that shows no face.
void keepInterior(const Mesh& mesh, const int32_t* face, int64_t vertexCount, int64_t radius, std::vector<int32_t>& sums, uint8_t* seen) {
  const int64_t width = mesh.width, height = mesh.height, stride = width + 1;
  sums.assign(stride * (height + 1), 0);
  for (int64_t y = 0; y < height; y++) {
    int32_t row = 0;
    for (int64_t x = 0; x < width; x++) {
      row += face[y * width + x] < 0 ? 1 : 0;
      sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + row;
    }
  }
  for (int64_t v = 0; v < vertexCount; v++) {
    if (!seen[v]) continue;
    // Half up, as Math.round.
    const auto x = static_cast<int64_t>(std::floor(static_cast<double>(mesh.vertices[3 * v]) + 0.5));
    const auto y = static_cast<int64_t>(std::floor(static_cast<double>(mesh.vertices[3 * v + 1]) + 0.5));
    const int64_t x0 = std::max<int64_t>(0, x - radius), x1 = std::min(width, x + radius + 1);
    const int64_t y0 = std::max<int64_t>(0, y - radius), y1 = std::min(height, y + radius + 1);
    if (sums[y1 * stride + x1] - sums[y0 * stride + x1] - sums[y1 * stride + x0] + sums[y0 * stride + x0] > 0) seen[v] = 0;
  }
}

// visibleVertices(vertices f32 [M*V*3], V, faces u32, width, height, radius, seen u8 [M*V] out)
napi_value visibleVertices(const Arguments& in) {
  const auto vertices = arrayOf<float>(in, 0, napi_float32_array);
  const int64_t vertexCount = in.integer(1);
  const auto faces = arrayOf<uint32_t>(in, 2, napi_uint32_array);
  const int64_t width = in.integer(3), height = in.integer(4), radius = in.integer(5);
  const auto seen = arrayOf<uint8_t>(in, 6, napi_uint8_array);
  if (vertexCount < 1 || width < 1 || height < 1 || radius < 0 || seen.size % vertexCount != 0 || vertices.size != 3 * seen.size) {
    throw std::runtime_error("visibleVertices: the arrays' lengths do not fit the number of vertices");
  }
  checkFaces(faces, vertexCount);
  const int64_t meshes = seen.size / vertexCount;
  const auto work = [&](int64_t begin, int64_t end) {
    std::vector<int32_t> face(width * height), sums;
    std::vector<float> depth(width * height);
    for (int64_t m = begin; m < end; m++) {
      const Mesh mesh{vertices.data + 3 * m * vertexCount, faces.data, faces.size / 3, width, height, false};
      uint8_t* own = seen.data + m * vertexCount;
      draw(mesh, {face.data(), depth.data(), nullptr});
      std::memset(own, 0, vertexCount);
      for (const int32_t f : face) {
        if (f < 0) continue;
        for (int corner = 0; corner < 3; corner++) own[faces.data[3 * static_cast<int64_t>(f) + corner]] = 1;
      }
      for (int64_t v = 0; v < vertexCount; v++) {
        const double x = mesh.vertices[3 * v], y = mesh.vertices[3 * v + 1];
        if (!(x >= -0.5 && x < static_cast<double>(width) - 0.5 && y >= -0.5 && y < static_cast<double>(height) - 0.5)) own[v] = 0;
      }
      if (radius > 0) keepInterior(mesh, face.data(), vertexCount, radius, sums, own);
    }
  };
  // Fewer meshes than cores: one after another, each in bands on all cores.
  if (meshes < at::get_num_threads()) {
    work(0, meshes);
  } else {
    at::parallel_for(0, meshes, 1, work);
  }
  return nullptr;
}

}  // namespace

void defineRaster(napi_env env, napi_value exports) {
  define(env, exports, "rasterize", rasterize);
  define(env, exports, "visibleVertices", visibleVertices);
}

}  // namespace motioncue
