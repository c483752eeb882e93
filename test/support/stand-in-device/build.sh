#!/usr/bin/env bash
# Builds the stand-in device against the libtorch that the native engine uses, once per source and libtorch:
# build/stand-in-device/device.node, whose path it prints. Fails where there is no libtorch or no compiler.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out="$root/build/stand-in-device"
which=$(bash "$root/src/engine/torch/native/build.sh" --which)
pattern='^native engine: libtorch [0-9.]* in \(.*\), libraries in \(.*\), C++ ABI \(.\), \(c++..\), CUDA .*$'
field() { sed -n "s/$pattern/\\$1/p" <<<"$which"; }
torch=$(field 1) libs=$(field 2)
[ -n "$torch" ] || { echo "$which" >&2; exit 1; }
stamp=$({ cat "$here/device.cc" "$here/build.sh"; ls -lL "$libs"/libtorch_cpu.so; g++ -dumpversion; } | sha256sum)
if [ "$(cat "$out/stamp" 2>/dev/null)" != "$stamp" ]; then
  mkdir -p "$out"
  g++ -shared "-std=$(field 4)" -O1 -fPIC -w "-D_GLIBCXX_USE_CXX11_ABI=$(field 3)" -I"$torch/include" -I"$torch/include/torch/csrc/api/include" \
    -o "$out/device.node.new" "$here/device.cc" -L"$libs" -ltorch_cpu -lc10 -Wl,-rpath,"$libs"
  mv "$out/device.node.new" "$out/device.node"
  echo "$stamp" >"$out/stamp"
fi
echo "$out/device.node"
