import { expect, test } from "vitest";
import { escapeHtml, formatReport } from "../../../pipelines/run/report.ts";
import { createImage } from "../../../src/image/image.ts";
import { isPng } from "../../../src/image/png.ts";

test("everything from outside is escaped", () => {
  const nasty = `<img src=x onerror="alert('1')">&`;
  const html = formatReport(nasty, [
    {
      title: nasty,
      parts: [
        { kind: "text", text: nasty },
        { kind: "table", head: [nasty], rows: [[nasty]] },
        { kind: "curve", name: nasty, x: [1, 2, 3], y: [1, Number.NaN, 3] },
        { kind: "picture", image: createImage(2, 3), caption: nasty },
      ],
    },
  ]);
  expect(html).not.toContain("<img src=x");
  expect(html.split(escapeHtml(nasty))).toHaveLength(10);
  expect(escapeHtml(nasty)).toBe("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;");
});

test("pictures are PNG data, curves leave out what is not finite, and nothing is fetched", () => {
  const html = formatReport("r", [
    {
      title: "s",
      parts: [
        { kind: "picture", image: createImage(2, 3), caption: "c" },
        { kind: "curve", name: "loss", x: [1, 2, 3, 4], y: [4, Number.POSITIVE_INFINITY, 2, 1] },
        { kind: "curve", name: "flat", x: [1, 2], y: [5, 5] },
        { kind: "curve", name: "empty", x: [], y: [] },
      ],
    },
  ]);
  const [, data] = /base64,([^"]+)"/.exec(html)!;
  expect(isPng(Buffer.from(data!, "base64"))).toBe(true);
  expect(html).not.toMatch(/NaN|Infinity|https?:/);
  expect(html.match(/<polyline/g)).toHaveLength(4);
  expect(html).toContain("empty: too few values");
});
