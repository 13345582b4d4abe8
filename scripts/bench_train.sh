#!/usr/bin/env bash
# Training throughput beside other libraries, all on the same work and the same machine: one table,
# as it stands in benches/RESULTS.md.
#
#   scripts/bench_train.sh ["BATCH HIDDEN LANES" ...] | tee -a benches/RESULTS.md
#
# For each size and each contender, PAIRS times in turn: burn-lanes in one process with a thread for
# each core, burn-lanes in a process for each core (as `kiln sweep` runs it), the contender. A
# contender runs as one process of n threads and as n processes of one thread; its fastest setting
# is found first (scripts/bench_peers.py). A ratio is of steps a second within a pair, or of
# processor time a step with as many threads: that one stands a busy machine.
#
# PYTHON, PYTHON_JAX and PYTHON_KERAS name Pythons with torch, jax and tensorflow (python3, PYTHON,
# PYTHON_JAX unless given); PEERS the contenders; PAIRS (5) and MEASURE (2, seconds of a
# measurement) how long; DEVICE=cuda runs everything on the GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3} python_jax=${PYTHON_JAX:-${PYTHON:-python3}}
python_keras=${PYTHON_KERAS:-$python_jax}
pairs=${PAIRS:-5} seconds=${MEASURE:-2} device=${DEVICE:-flex} cores=$(nproc)
if [ "$device" = cuda ]; then
    features=cuda peers=${PEERS:-torch torch-plain torch-graph torch-compile jax keras} peer_device=cuda modes="1x1"
else
    features= peers=${PEERS:-torch torch-plain torch-compile jax keras} peer_device=cpu modes="${cores}x1 1x$cores"
fi
[ $# -gt 0 ] || set -- "32 32 8" "256 64 8" "1024 128 2"

results=$(mktemp) notes=$(mktemp) log=$(mktemp)
trap 'rm -f "$results" "$notes" "$log"' EXIT

if ! cargo bench -p burn-lanes --no-default-features --features "$features" --bench train_step --no-run 2>"$log"; then
    cat "$log" >&2
    exit 1
fi
binary=$(sed -n 's/.*Executable.*(\(.*\))$/\1/p' "$log")

# A text and a number of a line of JSON.
text() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }
number() { grep -o "\"$1\": *[-+.0-9e]*" | head -1 | sed 's/.*: *//'; }

ours() { "$binary" --json --device "$device" --sizes "$1x$2" --lanes "$3" --seconds "$seconds" --budget 120 "${@:4}"; }

# PEER BATCH HIDDEN SECONDS LANES PROCESSESxTHREADS [more]
peer() {
    local python=$python
    case $1 in jax) python=$python_jax ;; keras) python=$python_keras ;; esac
    "$python" scripts/bench_peers.py "$1" "$2" "$3" "$4" --lanes "$5" --processes "${6%x*}" --threads "${6#*x}" --device "$peer_device" "${@:7}"
}

# Steps a second and processor milliseconds a step of a line of JSON.
rates() { printf '%s\t%s' "$(number steps_per_second <<<"$1")" "$(number processor_ms <<<"$1")"; }

peak=$("$binary" --peak)
gflop() { number "$1" <<<"$peak" | awk '{ printf "%.1f", $1 / 1e9 }'; }
model=$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1)
echo
echo "## Training beside other libraries, $(date -u +%F)"
echo
echo "\`scripts/bench_train.sh$(printf ' "%s"' "$@")\`, $pairs pairs, $seconds s each, at $(git describe --always --dirty). $model, $cores cores;"
echo "load average before: $(cut -d' ' -f1-3 /proc/loadavg). FMA peak ($(text set <<<"$peak")): $(gflop one) GFLOP/s of one thread, $(gflop all) of all at once."
echo "A step's flop (matrix products of the LSTM layers; B batch, T window, F features, H hidden, L layers): 2·B·T·4H·(3·(F + (2L − 1)·H) − F)."
echo

for size in "$@"; do
    read -r batch hidden lanes <<<"$size"
    processes=()
    [ "$device" != cuda ] && [ "$lanes" -gt 1 ] && processes=(--processes "$cores")
    for name in $peers; do
        for mode in $modes; do
            if ! line=$(peer "$name" "$batch" "$hidden" 0 "$lanes" "$mode" 2>"$log"); then
                echo "$name: $(grep -o 'skipped: .*' "$log" || echo "failed: $(tail -1 "$log")")" | tee -a "$notes" >&2
                break
            fi
            setting=$(text setting <<<"$line")
            echo "($batch, $hidden), $lanes lanes, $name ${mode/x/ × }: $setting" | tee -a "$notes" >&2
            for _ in $(seq "$pairs"); do
                line=$(ours "$batch" "$hidden" "$lanes")
                flop=$(number flop <<<"$line")
                one=$(rates "$line")
                many=$one
                [ ${#processes[@]} -eq 0 ] || many=$(rates "$(ours "$batch" "$hidden" "$lanes" "${processes[@]}")")
                their=$(rates "$(peer "$name" "$batch" "$hidden" "$seconds" "$lanes" "$mode" --setting "$setting" 2>"$log")")
                if [ "${one%$'\t'*}" = "" ] || [ "${many%$'\t'*}" = "" ] || [ "${their%$'\t'*}" = "" ]; then
                    echo "($batch, $hidden), $lanes lanes, $name ${mode/x/ × }: a measurement failed; ours said: $line; theirs: $(tail -1 "$log")" | tee -a "$notes" >&2
                    break
                fi
                row=("$batch, $hidden" "$lanes" "$flop" "$name" "$mode" "$one" "$many" "$their")
                (IFS=$'\t' && echo "${row[*]}") | tee -a "$results" >&2
            done
        done
    done
done

echo "| batch, hidden | lanes | contender | processes × threads | steps/s | processor ms a step | share of FMA peak | burn-lanes ($cores processes) over it | burn-lanes (1 process) over it | its processor time over burn-lanes' |"
echo "|---|---|---|---|---|---|---|---|---|---|"
awk -F '\t' -v peak="$(number all <<<"$peak")" -v cores="$cores" -v cpu="$peer_device" '
    function add(list, value) { return list == "" ? value : list " " value }
    function median(list,    values, count, i, j, swap) {
        count = split(list, values, " ")
        for (i = 2; i <= count; i++) for (j = i; j > 1 && values[j - 1] + 0 > values[j] + 0; j--) { swap = values[j]; values[j] = values[j - 1]; values[j - 1] = swap }
        return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
    }
    function row(size, name, mode, rate, spent, more) {
        share = cpu == "cpu" ? sprintf("%.1f %%", rate * flop[size] / peak * 100) : ""
        sub(/x/, " × ", mode)
        printf "| %s | %s | %s | %s | %.4g | %.3f | %s | %s |\n", shown[size], lanes[size], name, mode, rate, spent, share, more
    }
    function ratios(list) { return sprintf("%.2f (%s)", median(list), list) }
    {
        size = $1 FS $2
        if (!(size in flop)) sizes[++count] = size
        shown[size] = $1; lanes[size] = $2; flop[size] = $3
        one[size] = add(one[size], $6); one_spent[size] = add(one_spent[size], $7)
        many[size] = add(many[size], $8); many_spent[size] = add(many_spent[size], $9)
        key = size FS $4 FS $5
        if (!(key in rates)) { keys[size, ++contenders[size]] = key; names[key] = $4; modes[key] = $5 }
        rates[key] = add(rates[key], $10); spent[key] = add(spent[key], $11)
        by_spent[key] = add(by_spent[key], sprintf("%.2f", $11 / ($5 ~ /x1$/ ? $9 : $7)))
        by_one[key] = add(by_one[key], sprintf("%.2f", $6 / $10)); by_many[key] = add(by_many[key], sprintf("%.2f", $8 / $10))
    }
    END {
        for (s = 1; s <= count; s++) {
            size = sizes[s]
            if (many[size] != one[size]) row(size, "**burn-lanes**", cores "x1", median(many[size]), median(many_spent[size]), "| |")
            row(size, "**burn-lanes**", "1x" (cpu == "cpu" ? cores : 1), median(one[size]), median(one_spent[size]), "| |")
            for (c = 1; c <= contenders[size]; c++) {
                key = keys[size, c]
                row(size, names[key], modes[key], median(rates[key]), median(spent[key]), ratios(by_many[key]) " | " ratios(by_one[key]) " | " ratios(by_spent[key]))
            }
        }
    }' "$results"
echo
echo "Load average after: $(cut -d' ' -f1-3 /proc/loadavg). Settings that were the fastest in the warm-up, and who was absent:"
echo
sed 's/^/* /' "$notes"
