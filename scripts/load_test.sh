#!/bin/sh
# kiln serve under load, one table: RATE requests a second for STEADY seconds, full load for FULL
# seconds, RELOADS promotions under load.
#   scripts/load_test.sh                        the figures of benches/RESULTS.md: 1000/s for 30 s,
#                                               full load for 600 s, 1000 reloads
#   scripts/load_test.sh 1000 10 10 50 -- --max-batch 1      other durations, and flags of kiln
#                                                            serve
# Client and server share the machine; let nothing else run.
set -eu
cd "$(dirname "$0")/.."
rate=1000 steady=30 full=600 reloads=1000
[ $# -ge 4 ] && { rate=$1 steady=$2 full=$3 reloads=$4; shift 4; }
exec cargo bench --bench serve -- --rate "$rate" --steady "$steady" --full "$full" --reloads "$reloads" "$@"
