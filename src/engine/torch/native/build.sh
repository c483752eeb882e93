#!/usr/bin/env bash
# Builds the native addon once per source and libtorch: build/torch-engine/motioncue.node. Prints one line; exits 0 also
# where libtorch cannot be had, because the portable engine then does the work (slower).
# libtorch is taken from $LIBTORCH, else from Python's torch package, else from the system (Debian: libtorch-dev).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../../.." && pwd)
out="$root/build/torch-engine"
say() { echo "native engine: $*"; }

# Node-API is the same in every Node: its headers come from npm, since not every installation of Node has them.
node_include="$root/node_modules/node-api-headers/include"

torch=
is_torch() { [ -f "$1/include/ATen/core/Tensor.h" ]; }
if [ -n "${LIBTORCH:-}" ]; then
  is_torch "$LIBTORCH" || { say "LIBTORCH=$LIBTORCH has no include/ATen; using the portable engine"; exit 0; }
  torch=$LIBTORCH
fi
if [ -z "$torch" ]; then
  for python in python3 /usr/bin/python3; do
    found=$("$python" -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")' 2>/dev/null || true)
    if [ -n "$found" ] && is_torch "$found"; then torch=$found; break; fi
  done
fi
[ -z "$torch" ] && is_torch /usr && torch=/usr
if [ -z "$torch" ]; then
  say "no libtorch found (Debian: apt-get install libtorch-dev libopenblas0); the portable engine runs instead, some 50 times slower"
  exit 0
fi
command -v g++ >/dev/null || { say "no C++ compiler found (Debian: apt-get install g++); the portable engine runs instead, some 50 times slower"; exit 0; }
[ -f "$node_include/node_api.h" ] || { say "node-api-headers is not installed (npm ci); the portable engine runs instead"; exit 0; }

libs=$torch/lib
[ "$torch" = /usr ] && libs=$(dirname "$(ls /usr/lib/*/libtorch_cpu.so /usr/lib/libtorch_cpu.so 2>/dev/null | head -n 1)")
stamp=$({ cat "$here"/*.cc "$here"/*.h "$here/build.sh"; ls -lL "$libs"/libtorch_cpu.so "$libs"/libc10.so; node --version; g++ -dumpversion; } | sha256sum | cut -d' ' -f1)
[ -f "$out/motioncue.node" ] && [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ] && exit 0

mkdir -p "$out"
exec 9>"$out/lock"
flock 9
[ -f "$out/motioncue.node" ] && [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
abi=1
if [ "$torch" != /usr ] && ! nm -DC "$libs/libc10.so" 2>/dev/null | grep -q 'std::__cxx11'; then abi=0; fi
flags=(-std=c++17 -O3 -fPIC -fopenmp -w "-D_GLIBCXX_USE_CXX11_ABI=$abi" -DAT_PARALLEL_OPENMP=1
  -I"$node_include" -I"$torch/include" -I"$torch/include/torch/csrc/api/include")
# Loops of our own are compiled for the processor at hand: the addon is built where it runs.
flags+=(-march=native)
started=$SECONDS
printf '%s\n' "$here"/*.cc | xargs -P "$(nproc)" -I{} sh -c 'g++ "$@" -c "{}" -o "'"$out"'/$(basename "{}" .cc).o"' _ "${flags[@]}" ||
  { say "compiling against $torch failed; the portable engine runs instead (the compiler's messages are above)"; exit 0; }
cuda=()
[ -f "$libs/libtorch_cuda.so" ] && cuda=(-Wl,--no-as-needed "$libs/libtorch_cuda.so" "$libs/libc10_cuda.so" -Wl,--as-needed)
g++ -shared -fopenmp -o "$out/motioncue.node.new" "$out"/*.o -L"$libs" -ltorch_cpu -lc10 "${cuda[@]}" -Wl,-rpath,"$libs" ||
  { say "linking against $libs failed; the portable engine runs instead"; exit 0; }
mv "$out/motioncue.node.new" "$out/motioncue.node"
rm -f "$out"/*.o
echo "$stamp" >"$out/stamp"
say "built against $torch in $((SECONDS - started)) s"
