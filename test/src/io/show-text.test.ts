import { expect, test } from "vitest";
import { showText, showValue } from "../../../src/io/show-text.ts";

test("long texts are cut, control characters shown", () => {
  expect(showText("a-é")).toBe("a-é");
  expect(showText("x".repeat(101))).toBe(`${"x".repeat(100)}...`);
  expect(showText("abcdef", 3)).toBe("abc...");
  expect(showText("\x1b[2J\n\0\x7f\x9b\u2028")).toBe("\\u001b[2J\\n\\u0000\\u007f\\u009b\\u2028");
});

test("values of JSON files are shown in short", () => {
  expect(showValue({ a: [1, "x\n", null], b: { c: { d: 1 } } })).toBe('{"a":[1,"x\\n",null],"b":{"c":{...}}}');
  expect(showValue([1, 2, 3, 4, 5, 6, 7])).toBe("[1,2,3,4,5,6,...]");
  expect([undefined, true, [], {}].map((value) => showValue(value))).toEqual(["undefined", "true", "[]", "{}"]);
  expect(showValue(JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`))).toBe("[[[...]]]");
});
