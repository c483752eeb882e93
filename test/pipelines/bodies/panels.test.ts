import { expect, test } from "vitest";
import { createFlowField } from "../../../flow/flow-field.ts";
import { flowRadius, pairPanels, scaleVertices } from "../../../pipelines/bodies/panels.ts";
import { createImage } from "../../../src/image/image.ts";

const SIZE = 40;
/** A square of two triangles over 10..30, moved by (dx, dy). */
const square = (dx: number, dy: number) =>
  Float32Array.from([10, 10, 30, 10, 30, 30, 10, 30].flatMap((v, i) => (i % 2 === 0 ? [v + dx] : [v + dy, 1])));
const faces = Uint32Array.of(0, 1, 2, 0, 2, 3);

test("where mesh and observed flow agree the residual is zero, else the length of the difference", () => {
  const flow = createFlowField(SIZE, SIZE);
  for (let i = 0; i < flow.data.length; i += 2) {
    flow.data[i] = 3;
    flow.data[i + 1] = -1;
  }
  const view = { crop: createImage(SIZE, SIZE), first: square(0, 0), faces, flow };
  expect(pairPanels({ ...view, second: square(3, -1) }, 4).meanResidual).toBeCloseTo(0, 5);
  const panels = pairPanels({ ...view, second: square(6, 3) }, 4);
  expect(panels.meanResidual).toBeCloseTo(5, 5);
  // Outside the mesh the flow panels show the (black) crop; inside the residual points right and down.
  expect(panels.residual.get(35, 5, 0)).toBe(0);
  expect(panels.meshFlow.get(20, 20, 0)).toBeGreaterThan(0);
  expect(flowRadius(flow)).toBeCloseTo(Math.hypot(3, 1), 5);
  expect(flowRadius(createFlowField(2, 2))).toBe(1);
});

test("vertices keep their place in the square when the crop is enlarged", () => {
  expect([...scaleVertices(Float32Array.of(-0.5, 9.5, 2), 10, 30)]).toEqual([-0.5, 29.5, 6]);
});
