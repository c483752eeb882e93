/** @file All people of one frame drawn over it. */
import { cropMap } from "../../src/image/crop.ts";
import type { Image } from "../../src/image/image.ts";
import { overlayMesh, PERSON_COLOURS } from "./mesh-overlay.ts";
import type { PersonFrame } from "./predict.ts";

/** A picture with the meshes of `people` over it, the farthest first, coloured by track. */
export function drawPeople(
  image: Image,
  people: readonly (PersonFrame & { readonly track: number })[],
  faces: Uint32Array,
  cropSize: number,
): Image {
  const size = ({ square, prediction }: PersonFrame) => square.side * prediction.camera[0]!;
  return [...people]
    .sort((a, b) => size(a) - size(b))
    .reduce((below, person) => {
      const colour = PERSON_COLOURS[(person.track - 1 + PERSON_COLOURS.length) % PERSON_COLOURS.length]!;
      return overlayMesh(below, frameVertices(person, cropSize), faces, { colour });
    }, image);
}

/** The mesh [V*3] in pixels of the frame that the crop was cut from, depth in the same unit. */
export function frameVertices({ square, prediction }: PersonFrame, cropSize: number): Float32Array {
  const { a, bx, by } = cropMap(square, cropSize);
  const offset = [bx, by, 0];
  return prediction.projected.map((value, i) => (value - offset[i % 3]!) / a);
}
