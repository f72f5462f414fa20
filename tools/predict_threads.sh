#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Predicts from measured constants how fast N threads decode, by the model of src/README.md, "What
# threads gain", then measures it:
#
#   predict_threads.sh [-t LIST] [-k KERNELS] [-P PACKING] [-n TOKENS] [-b NOMUL] [SHAPE...]
#                      (1,2,4    avx2         2bit         32          build/nomul  370m 1.3b 2.7b)
#
#     T(N) = S(N) + max(P / N, bytes / bandwidth(N)) + rounds signal + lines (15 ns + signal / 30)
#     tokens/s = 1 / T(N)
#
# P is the time of the products with one thread, S(1) that of the rest, both of `nomul bench --ops`;
# bandwidth and signal are those of `nomul bench` with N threads.  Lines are the cache lines that
# cross: what other threads computed, and q.  Of S, threads share recurrence and gates.
# With -n 0 nothing is measured but the constants.  The machine must be quiet.
set -eu
cd "$(dirname "$0")/.."
usage() { sed -n '3,/^set/s/^# \{0,1\}//p' tools/predict_threads.sh >&2; exit 2; }
counts=1,2,4 kernels=avx2 packing=2bit tokens=32 nomul=build/nomul
while getopts t:k:P:n:b: option; do
    case $option in
        t) counts=$OPTARG ;; k) kernels=$OPTARG ;; P) packing=$OPTARG ;;
        n) tokens=$OPTARG ;; b) nomul=$OPTARG ;; *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- 370m 1.3b 2.7b
case $counts in '' | *[!0-9,]* | 0* | *,0* | ,* | *, | *,,*) usage ;; esac
case $tokens in '' | *[!0-9]*) usage ;; esac
command -v "$nomul" > /dev/null || { echo "predict_threads.sh: $nomul is not there" >&2; exit 1; }

# bench ARGUMENT...: the CSV of the shape with tabs in place of quotation marks and commas.
bench() {
    csv=$("$nomul" bench --shape "$shape" --pack "$packing" --kernels "$kernels" --quick \
        -o csv "$@") || { echo "predict_threads.sh: nomul bench failed" >&2; exit 1; }
    echo "$csv" | sed 's/","/\t/g; s/"//g; 1s/,/\t/g'
}

echo "| $packing, $kernels | threads | S us | P us | MB | GB/s | signal ns | predicted tokens/s |" \
    "measured | error % |"
echo '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
for shape; do
    case $shape in
        tiny) dims=2,250,383,300 ;;
        370m) dims=24,1024,2816,32000 ;; 1.3b) dims=24,2048,5632,32000 ;;
        2.7b) dims=32,2560,6912,32000 ;; 13b) dims=40,5120,13824,32000 ;;
        100b) dims=79,10240,27392,32000 ;; *) dims=$shape ;;
    esac
    csv=$(bench --ops -t 1 -n 16)
    phases=$(printf '%s\n' "$csv" | awk -F '\t' '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at["op"] == "tables and gemv" { p = $at["token_ns"] }
        $at["op"] == "recurrence" || $at["op"] == "gates" { shared += $at["token_ns"] }
        $at["op"] == "all" { all = $at["token_ns"] }
        END { print p / 1000, (all - p) / 1000, shared / 1000 }')
    for n in $(echo "$counts" | tr , ' '); do
        csv=$(bench -p 0 -t "$n" -n 4 -r 5)
        constants=$(printf '%s\n' "$csv" | awk -F '\t' '
            NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
            { print $at["weight_bytes_per_token"] / 1e6, $at["read_bandwidth_gbs"],
                $at["signal_ns"] + 0 }')
        predicted=$(echo "$phases $constants" | awk -v n="$n" -v dims="$dims" '
            {   split(dims, d, ",")
                rows = d[1] * (5 * d[2] + 2 * d[3]) + d[4] # of 4 bytes; q has one a column
                lines = rows * (n - 1) / n / 16 + (n > 1) * d[1] * (5 * d[2] + d[3]) / 64
                s = $2 - $3 + $3 / n
                t = n > 1 && $1 / n < 1000 * $4 / $5 ? 1000 * $4 / $5 : $1 / n
                rounds = n == 1 ? 0 : 6 * d[1] + 1
                printf "%.0f | %.0f | %.1f | %.1f | %d | %.1f", s, $1, $4, $5, $6,
                    1e6 / (s + t + (rounds * $6 + lines * (15 + $6 / 30)) / 1000) }')
        printf '| %s | %d | %s |' "$shape" "$n" "$predicted"
        [ "$tokens" -gt 0 ] || { echo ' - | - |'; continue; }
        csv=$(bench -p 0 -t "$n" -n "$tokens" -r 5)
        printf '%s\n' "$csv" | awk -F '\t' -v predicted="${predicted##* }" '
            NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
            { printf " %.1f | %+.1f |\n", $at["avg_ts"], 100 * (predicted / $at["avg_ts"] - 1) }'
    done
done
