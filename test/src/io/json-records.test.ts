import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FormatError } from "../../../src/errors.ts";
import { type JsonRecord, readJsonRecords } from "../../../src/io/json-records.ts";
import { createRandom } from "../../../src/random.ts";
import { failure, temporaryFolder } from "../../support/files.ts";

async function recordsOf(text: string): Promise<JsonRecord[]> {
  const path = join(temporaryFolder(), "case.json");
  await writeFile(path, text);
  return listed(path);
}

async function listed(path: string): Promise<JsonRecord[]> {
  const records: JsonRecord[] = [];
  for await (const record of readJsonRecords(path, "data")) records.push(record);
  return records;
}

test("the objects of the named list, whatever stands around and inside them", async () => {
  const inner = { a: [1, { b: "]}" }], 'quo"te': "\\", data: [{ no: 1 }] };
  const around = {
    "": 0,
    meta: { data: [{ not: "this" }] },
    xdata: [1],
    "data ": [],
    data: [inner, {}],
    after: [2, "{"],
  };
  expect(await recordsOf(JSON.stringify(around))).toEqual([inner, {}]);
  expect(await recordsOf(JSON.stringify(around, null, 2))).toEqual([inner, {}]);
  expect(await recordsOf('\n[ {"x": 1e-3} ,{"x":"é"} ]\n')).toEqual([{ x: 0.001 }, { x: "é" }]);
  expect(await recordsOf('{"data": []}')).toEqual([]);
});

test("records across the pieces that a file is read in", async () => {
  const records = Array.from({ length: 9000 }, (_, i) => ({ i, text: "é".repeat(i % 300) }));
  expect(await recordsOf(JSON.stringify({ ver: 1, data: records }))).toEqual(records);
});

test.each([
  ['{"data": [{}, 3]}', 'record 1 must be an object, got "3"'],
  ['{"data": [[1]]}', "record 0 must be an object, got a list"],
  ['{"data": ["x"]}', "record 0 must be an object, got a text"],
  ['{"data": [{"a": }]}', "record 0: Unexpected token"],
  ['{"data": [{"a": 1}', "cut short after 1 records"],
  ['{"data": [{"a": "', "cut short after 0 records"],
  ['{"date": [{}]}', 'expected a list of records under "data", found none'],
  ['{"data": {"data": [{}]}}', "found none"],
  ["", "found none"],
  ["}", "closes what was not opened"],
  ["PK\u0003\u0004", "is no JSON"],
])("what is wrong is said: %s", async (text, message) => {
  expect(await failure(recordsOf(text))).toMatch(/^FormatError: .*case\.json: /);
  expect(await failure(recordsOf(text))).toContain(message);
});

test("a record that is too long is refused before all of it is read", async () => {
  expect(await failure(recordsOf(`{"data": [{"a": "${"x".repeat(6 * 2 ** 20)}`))).toContain("record 0 is longer than");
  expect(await failure(listed("/nowhere/x.json"))).toContain("there is no such file");
});

test("damaged files are read or refused, never anything else", async () => {
  const random = createRandom(6, "json");
  const whole = JSON.stringify({ ver: 0.1, data: [{ a: [1, 2], b: "c" }, { a: [] }], meta: null });
  for (let round = 0; round < 300; round++) {
    const letters = [...whole];
    for (let k = 0; k <= random.integer(3); k++)
      letters.splice(random.integer(letters.length), random.integer(6), String.fromCharCode(32 + random.integer(96)));
    const message = await recordsOf(letters.join("")).then(
      () => "",
      (error: unknown) => (error instanceof FormatError ? "" : String(error)),
    );
    expect(message).toBe("");
  }
});
