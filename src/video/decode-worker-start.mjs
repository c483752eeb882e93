/** @file Where the decoding thread begins: threads do not inherit the TypeScript loader, so it is registered here. */
import { register } from "tsx/esm/api";

register();
await import("./decode-worker.ts");
