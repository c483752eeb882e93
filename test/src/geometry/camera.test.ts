/** @file Cameras against the golden projections, three.js against the tensor projection, and gradients. */
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import {
  CAMERA_CONVENTIONS,
  type CameraConvention,
  convertCamera,
  convertCameras,
  cropCameraToFull,
  fullImageCamera,
  perspectiveCamera,
  pixelMatrix,
  projectHost,
  projectPerspective,
  projectPoints,
  projectWeak,
  weakCamera,
} from "../../../src/geometry/camera.ts";
import { estimateTranslation } from "../../../src/geometry/camera-translation.ts";
import { expectGradients } from "../../support/gradcheck.ts";
import { expectClose, flat, readGolden } from "../../support/matchers.ts";
import { shared } from "../../support/shared.ts";

type Points = number[][][];
interface CamerasGolden {
  readonly X: Points;
  readonly camera_s_tx_ty: number[][];
  readonly s_times_X_plus_t: { readonly px224: Points };
  readonly s_times_X_plus_t_inside: { readonly px224: Points };
  readonly spin_perspective_224: { readonly px224?: Points; readonly normalised: Points };
  readonly hmr2_perspective_256: { readonly px256: Points };
  readonly same_picture: { readonly converted: number[][] };
  readonly z_for_visibility_px224: number[][];
  readonly full_image: {
    readonly box_center: number[][];
    readonly box_size: number[];
    readonly image_width_height: number[][];
    readonly focal: number;
    readonly camera_translation: number[][];
    readonly px: Points;
    readonly weak_perspective_px_from_crop_s_X_plus_t_inside: Points;
  };
}
const goldenPath = shared("golden/loss/cameras.json");
const translationPath = shared("golden/loss/camera_translation.json");
const shift = (continuous: unknown): number[] => flat(continuous).map((x) => x - 0.5);

beforeAll(async () => {
  await startEngine();
});

describe.skipIf(!goldenPath)("golden cameras", () => {
  const golden = () => readGolden<CamerasGolden>(goldenPath!);

  it("projects under the three conventions", () => {
    const g = golden();
    const points = tf.tensor3d(g.X);
    const camera = tf.tensor2d(g.camera_s_tx_ty);
    const pixels = (convention: CameraConvention, size = 224) => projectWeak(points, camera, size, convention).pixels;
    expectClose(pixels("sX+t"), shift(g.s_times_X_plus_t.px224), 1e-4);
    expectClose(pixels("s(X+t)"), shift(g.s_times_X_plus_t_inside.px224), 1e-4);
    expectClose(
      pixels("perspective-5000"),
      flat(g.spin_perspective_224.normalised).map((x) => (x + 1) * 112 - 0.5),
      2e-4,
    );
    expectClose(pixels("perspective-5000", 256), shift(g.hmr2_perspective_256.px256), 2e-4);
    expectClose(projectWeak(points, camera, 224).depth, g.z_for_visibility_px224, 1e-4);
  });

  it("converts cameras both ways", () => {
    const g = golden();
    const camera = tf.tensor2d(g.camera_s_tx_ty);
    const ours = convertCameras(camera, "s(X+t)", "sX+t");
    expectClose(ours, g.same_picture.converted, 1e-6);
    expectClose(convertCameras(ours, "sX+t", "s(X+t)"), g.camera_s_tx_ty, 1e-6);
    expectClose(convertCamera(g.camera_s_tx_ty[0]!, "perspective-5000", "sX+t"), g.same_picture.converted[0], 1e-12);
    expect(convertCamera([0.8, 0.1, 0.2], "s(X+t)", "perspective-5000")).toEqual([0.8, 0.1, 0.2]);
  });

  it("carries a crop camera to the full image, pinhole and orthographic", () => {
    const g = golden();
    const full = g.full_image;
    g.camera_s_tx_ty.forEach((camera, i) => {
      // Golden boxes are in continuous pixels.
      const crop = { cx: full.box_center[i]![0]! - 0.5, cy: full.box_center[i]![1]! - 0.5, side: full.box_size[i]! };
      const [width, height] = full.image_width_height[i] as [number, number];
      const position = cropCameraToFull(camera, "perspective-5000", crop, width, height, full.focal);
      expectClose(position, full.camera_translation[i], 1e-9);
      const view = { focal: full.focal, cx: (width - 1) / 2, cy: (height - 1) / 2, width, height };
      const moved = tf.add<Tensor3D>(tf.tensor3d([g.X[i]!]), position);
      expectClose(projectPerspective(moved, view).pixels, shift(full.px[i]), 1e-3);
      const flatCamera = fullImageCamera(camera, "s(X+t)", crop, width, height);
      const projected = projectHost(flat(g.X[i]), pixelMatrix(flatCamera, width, height));
      const expected = shift(full.weak_perspective_px_from_crop_s_X_plus_t_inside[i]);
      expectClose(
        projected.filter((_, at) => at % 3 < 2),
        expected,
        1e-4,
      );
    });
  });
});

describe.skipIf(!translationPath)("estimateTranslation", () => {
  it("gives the golden translation", () => {
    const g = readGolden<Record<string, number[] & number>>(translationPath!);
    const pixels = shift(g["keypoints_px"]);
    const found = estimateTranslation(flat(g["joints"]), pixels, g["confidence"]!, {
      focal: 5000,
      cx: 111.5,
      cy: 111.5,
    });
    expectClose(found, g["translation"], 1e-8);
  });
});

it("estimateTranslation finds where joints were projected from and needs two of them", () => {
  const joints = [0.1, 0.4, 0.2, -0.3, 0.1, 0, 0.2, -0.5, 0.1];
  const view = { focal: 800, cx: 300, cy: 210, width: 640, height: 480 };
  const moved = joints.map((x, i) => x + [0.3, -0.2, 4][i % 3]!);
  const pixels = projectHost(moved, pixelMatrix(perspectiveCamera(view), 640, 480)).filter((_, i) => i % 3 < 2);
  expectClose(estimateTranslation(joints, pixels, [1, 0.5, 0.7], view), [0.3, -0.2, 4], 1e-4);
  expect(() => estimateTranslation(joints, pixels, [1, 0, 0], view)).toThrow(/at least two joints/);
});

describe("three.js cameras", () => {
  const points = [0.3, -0.4, 0.2, -0.15, 0.7, -0.3];

  it.each(CAMERA_CONVENTIONS)("weakCamera and projectWeak agree for %s", (convention) => {
    const camera = [0.9, 0.07, -0.12];
    const host = projectHost(points, pixelMatrix(weakCamera(camera, convention, 96), 96, 96));
    const { pixels, depth } = projectWeak(
      tf.tensor3d([[points.slice(0, 3), points.slice(3)]]),
      tf.tensor2d([camera]),
      96,
      convention,
    );
    expectClose(
      pixels,
      host.filter((_, i) => i % 3 < 2),
      1e-4,
    );
    if (convention !== "perspective-5000") expectClose(depth, [host[2]!, host[5]!], 1e-4);
  });

  it("put the principal point where the view says, x right, y down, z forward", () => {
    const view = { focal: 500, cx: 310.25, cy: 99, width: 640, height: 360 };
    const matrix = pixelMatrix(perspectiveCamera(view), 640, 360);
    // x = f X / Z + cx, y = f Y / Z + cy, depth = Z.
    expectClose(projectHost([0, 0, 3, 0.6, -0.2, 2], matrix), [310.25, 99, 3, 310.25 + 150, 99 - 50, 2], 1e-4);
    const { pixels, depth } = projectPoints(tf.tensor3d([[[0.6, -0.2, 2]]]), matrix);
    expectClose(pixels, [460.25, 49], 1e-3);
    expectClose(depth, [2]);
  });
});

describe("gradients", () => {
  const weighted = (pixels: Tensor, depth: Tensor) =>
    tf.add<tf.Scalar>(tf.sum(tf.mul(pixels, [0.3, -0.7])), tf.sum(tf.mul(tf.square(depth), 0.01)));
  const points = () => tf.tensor3d([0.2, -0.5, 0.3, -0.4, 0.1, -0.2, 0.35, 0.6, 0.1, 0, 0, 0], [2, 2, 3]);
  const camera = () => tf.tensor2d([0.8, 0.1, -0.2, 1.1, -0.05, 0.15], [2, 3]);

  it.each(CAMERA_CONVENTIONS)("of %s are those of central differences", (convention) => {
    const f = (p: Tensor, c: Tensor) => {
      const { pixels, depth } = projectWeak(p as Tensor3D, c as Tensor2D, 32, convention);
      return weighted(pixels, convention === "perspective-5000" ? tf.zerosLike(depth) : depth);
    };
    expectGradients(f, [points(), camera()], { tolerance: 5e-3 });
  });

  it("stay finite behind the camera", () => {
    const view = { focal: 50, cx: 10, cy: 12, width: 20, height: 24 };
    const behind = tf.tensor3d([
      [
        [0.1, 0.2, -3],
        [0.1, -0.2, 0],
        [0.3, 0.1, 2],
      ],
    ]);
    const gradient = tf.grad((p: Tensor) => tf.sum(projectPerspective(p as Tensor3D, view).pixels))(behind);
    expect(Array.from(gradient.dataSync()).every(Number.isFinite)).toBe(true);
    expect(Array.from(projectPerspective(behind, view).depth.dataSync())).toEqual([-3, 0, 2]);
  });
});
