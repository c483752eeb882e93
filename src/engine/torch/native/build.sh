#!/usr/bin/env bash
# Builds the native addon once per source and libtorch: build/torch-engine/motioncue.node. Prints one line; exits 0 also
# where libtorch cannot be had, because the portable engine then does the work (slower). `build.sh --which` only says which
# libtorch would be used.
# libtorch (1.13 or newer, both C++ ABIs) is taken from $LIBTORCH, else from Python's torch package, else from the system
# (Debian: libtorch-dev). A folder counts when it holds headers and libraries of the same libtorch.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../../.." && pwd)
out="${MOTIONCUE_BUILD:-$root/build/torch-engine}"
say() { echo "native engine: $*"; }
portable="the portable engine runs instead, some 5 to 20 times slower"

# Folder of the libraries that belong to the headers of $1; nothing where one of the two is missing.
libraries_of() {
  [ -f "$1/include/ATen/core/Tensor.h" ] || return 0
  local folder
  # A distribution's headers serve the distribution's libraries, also when a Python package only links to them.
  for folder in "$1"/lib "$1"/lib/*-linux-gnu "$1"/lib64; do
    if [ -f "$folder/libtorch_cpu.so" ] && [ -f "$folder/libc10.so" ]; then echo "$folder"; return 0; fi
  done
}
# A Python package whose headers are links into /usr/include is the system's libtorch.
real_home() { if [ "$(readlink -f "$1/include/ATen")" = /usr/include/ATen ]; then echo /usr; else echo "$1"; fi; }

torch=
libs=
take() {
  local home
  home=$(real_home "$1")
  libs=$(libraries_of "$home")
  [ -n "$libs" ] && torch=$home
}
if [ -n "${LIBTORCH:-}" ]; then
  take "$LIBTORCH" || { say "LIBTORCH=$LIBTORCH must hold include/ATen and lib/libtorch_cpu.so; $portable"; exit 0; }
else
  for python in ${VIRTUAL_ENV:+"$VIRTUAL_ENV/bin/python"} python3 python /usr/bin/python3; do
    # Found without importing it: that takes seconds.
    found=$("$python" -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s and s.submodule_search_locations else "")' 2>/dev/null || true)
    if [ -n "$found" ] && take "$found"; then break; fi
  done
  [ -n "$torch" ] || take /usr || take /usr/local ||
    { say "no libtorch found (Debian: apt-get install libtorch-dev libopenblas0); $portable"; exit 0; }
fi

# Newer libtorches define the version in the first of the two, older ones in the second.
version_headers=("$torch/include/torch/headeronly/version.h" "$torch/include/torch/csrc/api/include/torch/version.h")
number() { { cat "${version_headers[@]}" 2>/dev/null || true; } | sed -n "s/^#define TORCH_VERSION_$1 *\([0-9]*\).*/\1/p" | sed -n 1p; }
major=$(number MAJOR)
minor=$(number MINOR)
version=${major:-0}.${minor:-0}
at_least() { [ "${major:-0}" -gt "$1" ] || { [ "${major:-0}" -eq "$1" ] && [ "${minor:-0}" -ge "$2" ]; }; }
at_least 1 13 || { say "expected libtorch 1.13 or newer, got $version in $torch; $portable"; exit 0; }
# The old C++ ABI of Python's packages until 2.6 shows in the names that the library exports. All of nm's output is read:
# a reader that stops early would fail the pipe.
abi=1
if command -v nm >/dev/null; then
  [ "$(nm -D --defined-only "$libs/libc10.so" 2>/dev/null | grep -c '__cxx11' || true)" -gt 0 ] || abi=0
fi
standard=c++17
at_least 2 13 && standard=c++20
cuda=()
[ -f "$libs/libtorch_cuda.so" ] && cuda=(-Wl,--no-as-needed "$libs/libtorch_cuda.so" "$libs/libc10_cuda.so" -Wl,--as-needed)
if [ "${1:-}" = --which ]; then
  say "libtorch $version in $torch, libraries in $libs, C++ ABI $abi, $standard, CUDA $([ ${#cuda[@]} -gt 0 ] && echo yes || echo no)"
  exit 0
fi

command -v g++ >/dev/null || { say "no C++ compiler found (Debian: apt-get install g++); $portable"; exit 0; }
# Node-API is the same in every Node: its headers come from npm, since not every installation of Node has them.
node_include="$root/node_modules/node-api-headers/include"
[ -f "$node_include/node_api.h" ] || { say "node-api-headers is not installed (npm ci); $portable"; exit 0; }

stamp=$({ cat "$here"/*.cc "$here"/*.h "$here/build.sh"; ls -lL "$libs"/libtorch_cpu.so "$libs"/libc10.so; node --version; g++ -dumpversion; } | sha256sum | cut -d' ' -f1)
is_built() { [ -f "$out/motioncue.node" ] && [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ]; }
is_built && exit 0
mkdir -p "$out"
exec 9>"$out/lock"
flock 9
is_built && exit 0
flags=("-std=$standard" -O3 -fno-math-errno -fPIC -fopenmp -w "-D_GLIBCXX_USE_CXX11_ABI=$abi" -DAT_PARALLEL_OPENMP=1
  -I"$node_include" -I"$torch/include" -I"$torch/include/torch/csrc/api/include")
# Loops of our own are compiled for the processor at hand: the addon is built where it runs.
flags+=(-march=native)
# Python's packages bring their own OpenMP; the addon must use the same, or two pools of threads fight for the cores.
openmp=(-fopenmp)
for own in "$libs"/libgomp*.so* "$libs"/../../torch.libs/libgomp*.so*; do [ -f "$own" ] && openmp=("$own"); done
started=$SECONDS
rm -f "$out"/*.o
printf '%s\n' "$here"/*.cc | xargs -P "$(nproc)" -I{} sh -c 'g++ "$@" -c "{}" -o "'"$out"'/$(basename "{}" .cc).o"' _ "${flags[@]}" ||
  { say "compiling against libtorch $version in $torch failed (the compiler's messages are above); $portable"; exit 0; }
g++ -shared -o "$out/motioncue.node.new" "$out"/*.o -L"$libs" -ltorch_cpu -lc10 "${openmp[@]}" "${cuda[@]}" -Wl,-rpath,"$libs" ||
  { say "linking against libtorch $version in $libs failed; $portable"; exit 0; }
mv "$out/motioncue.node.new" "$out/motioncue.node"
rm -f "$out"/*.o
echo "$stamp" >"$out/stamp"
say "built against libtorch $version in $torch in $((SECONDS - started)) s"
