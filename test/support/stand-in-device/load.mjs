/** @file Preloaded with --import: gives this process the stand-in device, built by build.sh. */
import { createRequire } from "node:module";

createRequire(import.meta.url)("../../../build/stand-in-device/device.node");
