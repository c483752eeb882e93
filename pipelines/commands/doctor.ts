/** @file `motioncue doctor`: what is there, what is not, and what to do about it. */
import { defineCommand } from "../cli.ts";
import { DOCTOR_OPTIONS, doctor, type Finding } from "../inspect/doctor.ts";

export const command = defineCommand({
  name: "doctor",
  summary: "Say which engines, ffmpeg, weights and bodies are there, and what to do about each that is not.",
  arguments: [],
  options: DOCTOR_OPTIONS,
  example: "doctor --look-in ~/weights",
  async run(_context, _args, options) {
    const report = await doctor(options);
    const lines = report.findings.flatMap(linesOf);
    const state = report.isUsable ? "MotionCue can work." : "MotionCue cannot work: see the lines marked !!.";
    return { text: [...lines, "", state].join("\n"), data: report, failed: !report.isUsable };
  },
});

function linesOf({ topic, name, isFound, isNeeded, detail, advice }: Finding): string[] {
  const mark = isFound ? "ok" : isNeeded ? "!!" : "--";
  const line = `${mark}  ${topic.padEnd(9)} ${name.padEnd(16)} ${detail}`;
  return advice && !isFound ? [line, `${" ".repeat(31)}${advice}`] : [line];
}
