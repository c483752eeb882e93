/** @file One pair of frames as pictures: mesh over frame, observed flow, mesh flow, and what lies between the two flows. */
import { flowToImage } from "../../flow/color-wheel.ts";
import { createFlowField, type FlowField } from "../../flow/flow-field.ts";
import { denseMeshFlow } from "../../flow/mesh-flow.ts";
import { drawText } from "../../src/image/draw.ts";
import { createImage, type Image, sizeOf } from "../../src/image/image.ts";
import { overlayMesh } from "./mesh-overlay.ts";

/** A pair as seen in the person's crops, all of one side. */
export interface PairView {
  /** The first frame's crop, S x S. */
  readonly crop: Image;
  /** Meshes of the first and the second frame in pixels of their S x S crops, [V*3] with depth. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  readonly faces: Uint32Array;
  /** Observed flow [S,S,2]. */
  readonly flow: FlowField;
  /** The label of the mesh; "mesh" unless given. */
  readonly title?: string;
}

/** The pictures of a pair, S x S each, with their labels. */
export interface PairPanels {
  readonly mesh: Image;
  readonly flow: Image;
  readonly meshFlow: Image;
  readonly residual: Image;
  /** Mean distance of the two flows where the mesh is, px; NaN where it covers nothing. */
  readonly meanResidual: number;
}

/** Panels of a pair. Flows are coloured by the usual wheel, `radius` px being full colour in all three. */
export function pairPanels(view: PairView, radius: number): PairPanels {
  const { height, width } = sizeOf(view.crop);
  const mesh = denseMeshFlow(view.first, view.second, view.faces, height, width);
  const residual = createFlowField(height, width);
  let sum = 0;
  let count = 0;
  for (let pixel = 0; pixel < mesh.valid.length; pixel++) {
    if (!mesh.valid[pixel]) continue;
    const [dx, dy] = [0, 1].map((c) => mesh.flow.data[2 * pixel + c]! - view.flow.data[2 * pixel + c]!) as [
      number,
      number,
    ];
    residual.data[2 * pixel] = dx;
    residual.data[2 * pixel + 1] = dy;
    sum += Math.hypot(dx, dy);
    count++;
  }
  const onDarkCrop = (field: FlowField) => overlayWhere(darkened(view.crop), flowToImage(field, radius), mesh.valid);
  const meanResidual = sum / count;
  return {
    mesh: labelled(overlayMesh(view.crop, view.first, view.faces), view.title ?? "mesh"),
    flow: labelled(flowToImage(view.flow, radius), `observed flow, full colour ${radius.toPrecision(2)} px`),
    meshFlow: labelled(onDarkCrop(mesh.flow), "mesh flow"),
    residual: labelled(onDarkCrop(residual), `residual ${count > 0 ? `${meanResidual.toFixed(2)} px` : "no mesh"}`),
    meanResidual,
  };
}

/** A good full-colour length for flows: the 98th percentile of the observed lengths, at least one pixel. */
export function flowRadius(flow: FlowField): number {
  const { data } = flow;
  const lengths = Float32Array.from({ length: data.length / 2 }, (_, i) => Math.hypot(data[2 * i]!, data[2 * i + 1]!));
  lengths.sort();
  return Math.max(1, lengths[Math.floor(0.98 * (lengths.length - 1))]!);
}

/** Vertices [V*3] from pixels of a crop of side `from` to those of one of side `to` that shows the same square. */
export function scaleVertices(vertices: Float32Array, from: number, to: number): Float32Array {
  const k = to / from;
  return vertices.map((value, i) => (i % 3 === 2 ? k * value : k * value + (k - 1) / 2));
}

/** `image` with a label in its top-left corner, drawn in place. */
export function labelled(image: Image, text: string): Image {
  drawText(image, text, 4, 4, { background: [0, 0, 0], backgroundOpacity: 0.6 });
  return image;
}

function darkened(image: Image): Image {
  const { height, width } = sizeOf(image);
  const dark = createImage(height, width);
  for (let i = 0; i < dark.data.length; i++) dark.data[i] = image.data[i]! * 0.35;
  return dark;
}

function overlayWhere(below: Image, above: Image, mask: Uint8Array): Image {
  for (let pixel = 0; pixel < mask.length; pixel++) {
    if (!mask[pixel]) continue;
    for (let c = 0; c < 3; c++) below.data[3 * pixel + c] = above.data[3 * pixel + c]!;
  }
  return below;
}
