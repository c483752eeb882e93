import { expect, test } from "vitest";
import { completeRefineOptions, templatePath } from "../../../pipelines/refine/options.ts";

test("explicit options win over the preset, the preset over the defaults, and undefined is not explicit", () => {
  expect(completeRefineOptions().learningRate).toBe(1e-4);
  const paper = completeRefineOptions({ preset: "paper", labelled: "l.npz", steps: 7, batch: undefined as never });
  expect(paper).toMatchObject({
    learningRate: 1e-5,
    beta1: 0.5,
    steps: 7,
    batch: 16,
    cue: ["flow=0.01"],
    anchor: "labelled",
  });
});

test("combinations that cannot be are refused with what to do", () => {
  expect(() => completeRefineOptions({ preset: "paper" })).toThrow("give --labelled FILE or --anchor teacher");
  expect(() => completeRefineOptions({ labelled: "l.npz" })).toThrow("--labelled is used by --anchor labelled only");
  expect(() => completeRefineOptions({ images: "dir" })).toThrow("give --labelled too");
  expect(() => completeRefineOptions({ labelledCount: 5 })).toThrow("--labelled-count says how many people");
  expect(() => completeRefineOptions({ resume: true, overwrite: true })).toThrow("give one of them");
  expect(() => completeRefineOptions({ presett: "paper" } as never)).toThrow('did you mean "preset"');
  expect(() => completeRefineOptions({ preset: "papper" as never })).toThrow("one of default, paper");
  expect(() => completeRefineOptions({ cue: ["keypoints"] })).toThrow("give --keypoints FILE or DIR");
  expect(() => completeRefineOptions({ keypoints: "k.json" })).toThrow("give --cue keypoints too");
  const keypointsFrom = "template:a:b";
  expect(() => completeRefineOptions({ keypointsFrom })).toThrow("give --cue keypoints too");
  const cue = ["keypoints"];
  expect(() => completeRefineOptions({ cue, keypointsFrom, keypoints: "k.json" })).toThrow("give one of them");
  expect(() => completeRefineOptions({ cue, keypointsFrom: "a.safetensors" })).toThrow("expected template:FILE");
  expect(templatePath(completeRefineOptions({ cue, keypointsFrom }).keypointsFrom!)).toBe("a:b");
  expect(() => completeRefineOptions({ cue: ["acceleration"] })).toThrow("give --sequence 3 or more");
  expect(completeRefineOptions({ cue: ["acceleration"], sequence: 3 }).sequence).toBe(3);
  expect(() => completeRefineOptions({ teacherDecay: 0.99, anchor: "none" })).toThrow(
    "--teacher-decay is of the teacher",
  );
  expect(() => completeRefineOptions({ context: 2, sequence: 2 })).toThrow("give --sequence 4 or more");
  expect(() => completeRefineOptions({ cueOption: ["texture.erode=1"] })).toThrow("give --cue texture too");
  expect(() => completeRefineOptions({ cueOption: ["flow.erde=1"] })).toThrow('did you mean "erode"');
  expect(completeRefineOptions({ cue: ["flow", "labelled=0.5"], labelled: "l.npz" }).labelled).toBe("l.npz");
});
