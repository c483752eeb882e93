import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeFlo } from "../../../flow/flo-file.ts";
import { createFlowField } from "../../../flow/flow-field.ts";
import { formatInspect, inspectFile } from "../../../pipelines/inspect/inspect.ts";
import { formatNpy } from "../../../src/io/npy.ts";
import { writeNpz } from "../../../src/io/npz.ts";
import { writeSafetensors } from "../../../src/io/safetensors.ts";
import { failure, temporaryFolder } from "../../support/files.ts";
import { shared } from "../../support/shared.ts";

const floats = { dtype: "float32", shape: [2, 3], data: new Float32Array(6) } as const;

test("arrays and weights: keys, dtypes and shapes", async () => {
  const folder = temporaryFolder();
  await writeNpz(join(folder, "a.npz"), { imgname: { dtype: "string", shape: [1], data: ["x"] }, pose: floats });
  expect(await inspectFile(join(folder, "a.npz"))).toMatchObject({
    kind: "NumPy archive (.npz)",
    facts: { holds: "a labelled dataset (SPIN layout)", arrays: 2 },
    arrays: [
      { key: "imgname", dtype: "string", shape: [1] },
      { key: "pose", dtype: "float32", shape: [2, 3] },
    ],
  });
  writeFileSync(join(folder, "a.npy"), formatNpy(floats));
  expect((await inspectFile(join(folder, "a.npy"))).arrays).toEqual([
    { key: "array", dtype: "float32", shape: [2, 3] },
  ]);
  await writeSafetensors(join(folder, "a.bin"), new Map([["conv.weight", floats]]), { backbone: "resnet18" });
  const report = await inspectFile(join(folder, "a.bin"));
  expect(report.facts).toEqual({ backbone: "resnet18", tensors: 1, values: 6 });
  expect(formatInspect(report)).toBe(
    [
      `${folder}/a.bin: weights (.safetensors), ${report.bytes} bytes`,
      "  backbone: resnet18",
      "  tensors: 1",
      "  values: 6",
      "  conv.weight  float32 [2, 3]",
    ].join("\n"),
  );
});

test("flow, tracks and JSON", async () => {
  const folder = temporaryFolder();
  await writeFlo(join(folder, "a.flo"), createFlowField(2, 5));
  expect(await inspectFile(join(folder, "a.flo"))).toMatchObject({
    kind: "optical flow (.flo)",
    facts: { size: "5x2" },
  });
  const tracks = { tracks: [{ id: 4, frames: [{ index: 2, box: [0, 0, 5, 9] }] }] };
  writeFileSync(join(folder, "v.tracks.json"), JSON.stringify(tracks));
  expect((await inspectFile(join(folder, "v.tracks.json"))).facts).toEqual({
    tracks: 1,
    "track 4": "1 boxes, frames 2 to 2",
  });
  writeFileSync(join(folder, "o.json"), '{"a": 1, "b\\u001b[2J": 2}');
  expect((await inspectFile(join(folder, "o.json"))).facts).toEqual({ keys: "a, b\\u001b[2J" });
});

test("broken, unknown and missing files are named", async () => {
  const folder = temporaryFolder();
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, "latin1");
    return join(folder, name);
  };
  expect(await failure(inspectFile(join(folder, "no")))).toBe(`FormatError: ${folder}/no: there is no such file`);
  expect(await failure(inspectFile(file("empty", "")))).toMatch(/empty: expected a file with content/);
  expect(await failure(inspectFile(file("x.json", '{"a": ')))).toMatch(/x\.json: broken JSON/);
  expect(await failure(inspectFile(file("x.flo", "PIEH")))).toMatch(/x\.flo: not a \.flo file/);
  expect(await failure(inspectFile(file("x.npz", "PK\x03\x04")))).toMatch(/x\.npz: broken zip archive/);
  expect(await failure(inspectFile(file("x.pth", "\x80\x02cos\nsystem\n.")))).toMatch(
    /refused: it asks for os\.system/,
  );
});

const weights = shared("data/weights/raft-small.pth");
test.skipIf(!weights)("the released RAFT-small", async () => {
  const { kind, facts, arrays } = await inspectFile(weights!);
  expect({ kind, facts }).toEqual({
    kind: "PyTorch checkpoint",
    facts: { container: "legacy (before PyTorch 1.6)", tensors: 106, values: 990162 },
  });
  expect(arrays[0]).toEqual({ key: "fnet.conv1.weight", dtype: "float32", shape: [32, 3, 7, 7] });
});

const video = shared("data/video/odd/rot_tag90.mp4");
test.skipIf(!video)("a video that lies on its side is described upright", async () => {
  expect(await inspectFile(video!)).toMatchObject({ kind: "video", facts: { size: "640x360", frames: 48 } });
});
