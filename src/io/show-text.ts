/** @file Text that a file holds, made fit for a message. */

/**
 * At most `length` letters of `text`, with "..." where some were cut. Control characters, which could move a terminal's
 * cursor or colour what follows, are shown as escapes such as \u001b.
 */
export function showText(text: string, length = 100): string {
  const cut = text.length > length ? `${text.slice(0, length)}...` : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return cut.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (letter) => {
    const short = JSON.stringify(letter).slice(1, -1);
    return short.length > 1 ? short : `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

const MOST = 6;

/**
 * A value of a JSON file, in short: texts cut, lists and objects by their first few entries and two levels deep. Unlike
 * JSON.stringify it needs no stack for what is nested a hundred thousand times.
 */
export function showValue(value: unknown, depth = 2): string {
  if (typeof value === "string") return `"${showText(value)}"`;
  if (typeof value !== "object" || value === null) return String(value);
  const list = Array.isArray(value);
  const keys = list ? [...value.slice(0, MOST).keys()] : Object.keys(value);
  const count = list ? value.length : keys.length;
  const shown = (depth > 0 ? keys.slice(0, MOST) : []).map((key) => {
    const item = showValue((value as Record<string | number, unknown>)[key], depth - 1);
    return list ? item : `"${showText(String(key), 30)}":${item}`;
  });
  const inside = shown.length < count ? [...shown, "..."] : shown;
  return list ? `[${inside.join(",")}]` : `{${inside.join(",")}}`;
}
