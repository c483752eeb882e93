#!/usr/bin/env bash
# Runs the given test files (all of them where none is given) on the stand-in device.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.."
bash "$here/build.sh" >/dev/null
export MOTIONCUE_DEVICE=privateuseone NODE_OPTIONS="${NODE_OPTIONS:-} --import $here/load.mjs"
exec npx vitest run --config test/vitest.config.ts "$@"
