import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { loadTemplate, saveTemplate } from "../../../pipelines/templates/model-file.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { readSafetensors, writeSafetensors } from "../../../src/io/safetensors.ts";
import { parametersToHost } from "../../../src/nn/parameters.ts";
import { templateEstimatorKind } from "../../../templates/estimators.ts";
import { temporaryFolder } from "../../support/files.ts";

const SMALL = { size: 32, width: 2 };
const OPTIONS = {
  stt: SMALL,
  hpe: { ...SMALL, matrices: "rigid" },
  ppl: { ...SMALL, banks: 3, codes: 2, dim: 4, channels: 8, keypointPrior: "template" },
};

beforeAll(async () => {
  await startEngine();
});

describe("a template's file", () => {
  it.each(Object.entries(OPTIONS))(
    "gives %s back with every parameter and the same keypoints",
    async (system, options) => {
      const path = join(temporaryFolder(), "template.safetensors");
      const estimator = templateEstimatorKind(system).create(options, { seed: 7 });
      await saveTemplate(path, estimator, { system, options }, { trainedBy: "a test" });
      const loaded = await loadTemplate(path);

      expect(loaded.system).toBe(system);
      expect(loaded.options).toEqual(options);
      expect(loaded.metadata["trainedBy"]).toBe("a test");
      expect(loaded.estimator.jointNames).toEqual(estimator.jointNames);
      expect(await parametersToHost(loaded.estimator.parameters)).toEqual(await parametersToHost(estimator.parameters));
      const images = tf.randomUniform<tf.Rank.R4>([2, 32, 32, 3], 0, 1, "float32", 3);
      const [found, wanted] = [loaded.estimator, estimator].map((one) => one.infer(images).keypoints.dataSync());
      expect([...found!]).toEqual([...wanted!]);
      loaded.estimator.dispose();
      estimator.dispose();
    },
  );

  it("holds the part template of a file of one's own", async () => {
    const folder = temporaryFolder();
    const own = join(folder, "own.json");
    await cp(fileURLToPath(new URL("../../../templates/data/arms-out.json", import.meta.url)), own);
    await writeFile(own, (await readFile(own, "utf8")).replaceAll('"pelvis"', '"seat"'));
    const options = { ...SMALL, template: own };
    const estimator = templateEstimatorKind("stt").create(options);
    const path = join(folder, "template.safetensors");
    await saveTemplate(path, estimator, { system: "stt", options });
    estimator.dispose();
    await rm(own);
    const loaded = await loadTemplate(path);
    expect(loaded.estimator.jointNames[0]).toBe("seat");
    loaded.estimator.dispose();
  });

  it("is refused where it is not one", async () => {
    const folder = temporaryFolder();
    const options = { ...SMALL };
    const path = join(folder, "template.safetensors");
    const estimator = templateEstimatorKind("stt").create(options);
    await saveTemplate(path, estimator, { system: "stt", options });
    estimator.dispose();
    const { tensors, metadata } = await readSafetensors(path);
    const refused = async (changed: Record<string, string>, without = "") => {
      const other = join(folder, "other.safetensors");
      const kept = new Map([...tensors].filter(([key]) => key !== without));
      await writeSafetensors(other, kept, { ...metadata, ...changed });
      const before = tf.memory().numTensors;
      const message = await loadTemplate(other).then(
        () => "accepted",
        (error: Error) => `${error.name} ${error.message.replace(other, "FILE")}`,
      );
      expect(tf.memory().numTensors).toBe(before);
      return message;
    };
    expect(await refused({ format: "motioncue-flow" })).toMatch(
      /^FormatError FILE: expected a header with format "motioncue-template"/,
    );
    expect(await refused({ system: "sst" })).toMatch(/^FormatError FILE: .*did you mean "stt"/);
    expect(await refused({ options: "[]" })).toMatch(/^FormatError FILE: expected the options/);
    expect(await refused({ options: '{"size": 4096}' })).toMatch(/^FormatError FILE: .*size must be/);
    expect(await refused({ options: '{"size": 32, "width": 4}' })).toMatch(
      /^FormatError FILE: expected the weights of this network/,
    );
    expect(await refused({ options: '{"size": 32, "width": 2, "template": "/nowhere.json"}' })).toMatch(
      /^FormatError FILE: expected the part template/,
    );
    expect(await refused({ joints: '["pelvis"]' })).toMatch(/^FormatError FILE: expected the joints pelvis/);
    expect(await refused({}, [...tensors.keys()][0])).toMatch(
      /^FormatError FILE: expected the weights of this network.*missing/,
    );
  });
});
