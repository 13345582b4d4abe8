#!/usr/bin/env bash
# Training throughput of the whole machine, side by side: this crate with LANES lanes on all cores, and one single-thread PyTorch process
# on each core. Runs both in alternation and prints medians, in lane-steps (or model-steps) per second.
#
#   scripts/bench_train.sh "BATCH HIDDEN LANES STEPS TORCH_STEPS" ...
#
# PYTHON names a Python with torch (default python3); PAIRS the number of alternations (default 5).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
pairs=${PAIRS:-5}
cores=$(nproc)
binary=$(cargo test --release -p burn-lanes --no-default-features --example throughput --no-run 2>&1 | sed -n 's/.*(\(.*throughput-[^)]*\)).*/\1/p')
export OMP_NUM_THREADS=1

median() { sort -g | awk '{ value[NR] = $1 } END { print (NR % 2) ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'; }

echo "# $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $cores cores; load before: $(cut -d' ' -f1-3 /proc/loadavg); $(date -u +%F)"
echo "| batch, hidden | lanes | burn-lanes, steps/s | $cores × PyTorch, steps/s | ratio of medians | ratios of pairs |"
echo "|---|---|---|---|---|---|"
for sizes in "${@:-32 32 8 150 150}"; do
    read -r batch hidden lanes steps torch_steps <<<"$sizes"
    ours=() theirs=() ratios=()
    for _ in $(seq "$pairs"); do
        our=$("$binary" flex "$batch" "$hidden" "$lanes" "$steps" | sed -n 's/.* \([0-9]*\.\{0,1\}[0-9]*\) ms a lane-step.*/\1/p' | awk '{ print 1000 / $1 }')
        outputs=$(mktemp)
        for _ in $(seq "$cores"); do "$python" scripts/bench_peers.py "$batch" "$hidden" "$torch_steps" >>"$outputs" & done
        wait
        their=$(awk '{ sum += 1000 / $1 } END { print sum }' "$outputs")
        rm "$outputs"
        ours+=("$our") theirs+=("$their") ratios+=("$(awk "BEGIN { printf \"%.2f\", $our / $their }")")
    done
    our=$(printf '%s\n' "${ours[@]}" | median)
    their=$(printf '%s\n' "${theirs[@]}" | median)
    echo "| $batch, $hidden | $lanes | $(printf %.4g "$our") | $(printf %.4g "$their") | $(awk "BEGIN { printf \"%.2f\", $our / $their }") | ${ratios[*]} |"
done
echo "# load after: $(cut -d' ' -f1-3 /proc/loadavg)"
