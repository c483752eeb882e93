/** @file The heads by name. */
import type { Head } from "./head.ts";
import { iterativeHead } from "./heads/iterative.ts";

export const heads = { iterative: iterativeHead } as const satisfies Readonly<Record<string, Head>>;
export type HeadName = keyof typeof heads;
