/** @file The heads by name. */
import type { Head } from "./head.ts";
import { decoderHead } from "./heads/decoder.ts";
import { iterativeHead } from "./heads/iterative.ts";

export const heads = { iterative: iterativeHead, decoder: decoderHead } as const satisfies Readonly<
  Record<string, Head>
>;
export type HeadName = keyof typeof heads;
