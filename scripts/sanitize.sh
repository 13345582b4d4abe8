#!/usr/bin/env bash
# The CPU kernels' tests under a tool that sees reads and writes out of bounds and of freed memory.
#
#   scripts/sanitize.sh address    AddressSanitizer, every instruction set (needs the nightly
#                                  toolchain; builds its own copy of Burn)
#   scripts/sanitize.sh valgrind   memcheck: uninitialised values too; it knows AVX2 and no AVX-512,
#                                  so runs what is below it
set -euo pipefail
cd "$(dirname "$0")/.."
package=(-p burn-lanes --no-default-features --lib)

case "${1:-}" in
address)
    # Not ASAN's leak check: worker threads of rayon live until the process ends.
    export RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_leaks=0 CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/sanitize"
    cargo +nightly test --release --target x86_64-unknown-linux-gnu "${package[@]}" -- op::cpu --test-threads=1
    ;;
valgrind)
    binary=$(cargo test --release "${package[@]}" --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))$/\1/p')
    RAYON_NUM_THREADS=2 valgrind --vgdb=no --error-exitcode=1 --quiet "$binary" op::cpu --test-threads=1 </dev/null
    ;;
*)
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
