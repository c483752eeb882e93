#!/usr/bin/env bash
# Makes a fresh clone ready: Debian packages (as root), npm packages, the gradient bundle, the native engine. Does only
# what is missing, says one line per step that it does, and goes on without what only makes things slower.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
apt_log=build/setup-apt.log
npm_log=build/setup-npm.log
say() { echo "setup: $*"; }
fail() {
  say "$1; its last lines (all of them: $2):" >&2
  tail -n 15 "$2" >&2
  exit 1
}

if command -v flock >/dev/null; then
  exec 8>build/setup.lock
  flock 8
fi

node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  { say "expected Node 20.19 or newer, got $(node --version); install a newer Node" >&2; exit 1; }

has_libtorch() {
  [ -f build/torch-engine/motioncue.node ] ||
    bash src/engine/torch/native/build.sh --which </dev/null 2>/dev/null | grep '^native engine: libtorch' >/dev/null
}
missing_packages() {
  command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || echo ffmpeg
  command -v g++ >/dev/null || echo g++
  has_libtorch || echo libtorch-dev
  # Only Debian's libtorch takes its matrix products from the system.
  if ! has_libtorch || [ -f /usr/include/ATen/core/Tensor.h ]; then
    ls /usr/lib/*/libopenblas.so.0 /usr/lib/*/openblas-*/libblas.so.3 >/dev/null 2>&1 || echo libopenblas0
  fi
}
cost_of() {
  case $1 in
    ffmpeg) echo "videos cannot be read or written" ;;
    libopenblas0) echo "matrix products some 40 times slower" ;;
    *) echo "no native engine, everything some 5 to 20 times slower" ;;
  esac
}
install_packages() {
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300)
  "${install[@]}" "$@" || { apt-get update && "${install[@]}" "$@"; }
} </dev/null >>"$apt_log" 2>&1

is_older() { [ ! -f "$1" ] || [ "$2" -nt "$1" ]; }
install_npm() {
  if is_older node_modules/.package-lock.json package-lock.json; then
    say "installing npm packages"
    npm ci --no-audit --no-fund --no-progress </dev/null >"$npm_log" 2>&1 || fail "npm ci failed" "$npm_log"
    touch node_modules/.package-lock.json
  fi
  if is_older build/tfjs-gradients.cjs node_modules/.package-lock.json; then
    say "bundling the gradients of tfjs-core"
    node scripts/build-gradients.mjs >"$npm_log" 2>&1 || fail "build-gradients.mjs failed" "$npm_log"
    touch build/tfjs-gradients.cjs
  fi
}

# Debian's packages and npm's come at the same time.
install_npm &
npm_job=$!
mapfile -t missing < <(missing_packages)
if [ ${#missing[@]} -gt 0 ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  say "installing Debian packages: ${missing[*]}"
  # Together if possible; one by one where one of them cannot be had.
  if ! install_packages "${missing[@]}"; then
    for package in "${missing[@]}"; do install_packages "$package" || true; done
  fi
  mapfile -t missing < <(missing_packages)
fi
for package in "${missing[@]}"; do
  say "$package is missing: $(cost_of "$package") (Debian and Ubuntu: sudo apt-get install $package)"
done
wait "$npm_job"

bash src/engine/torch/native/build.sh </dev/null ||
  say "the native engine could not be built; the portable engine runs instead, some 5 to 20 times slower"
