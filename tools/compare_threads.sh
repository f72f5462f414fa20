#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares one process of N threads with N processes of one thread, which run at the same time, each
# on a CPU of its own, and with one process of one thread: what threads gain, and what they lose by
# waiting for one another.  Linux; needs taskset.
#
#   compare_threads.sh [OPTION...] [MODEL...]       MODEL: a file, or a shape of nomul bench
#     -t N         threads and processes (2)
#     -c CPUS      the CPUs, N of them with commas between (0,1,...,N-1)
#     -r ROUNDS    rounds that are counted (5)
#     -n, -p N     tokens decoded (64), tokens of a prompt (256); 0 for no such test
#     -k KERNELS   list of kernels (those that nomul chooses)
#     -P PACKINGS  list of packings of shapes (2bit,1.6bit)
#     -b NOMUL     the program (build/nomul)
#
# Paths are relative to the folder of the project.
#
# The three take turns in every round.  The table has a line for each round and one of medians:
# tokens/s of one thread, of the N processes together and of N threads, and the ratios of the last
# to the others.  "signal" is a round trip between two threads in ns, which tells near CPUs from far
# ones; "others" is the time that other programs took on these CPUs, in percent of one CPU.  A round
# with more than 8 % is repeated, at most three times, then marked with ! and left out of the
# medians, unless no round is better.
set -eu
cd "$(dirname "$0")/.."
usage() { sed -n '3,/^set/s/^# \{0,1\}//p' tools/compare_threads.sh >&2; exit 2; }
fail() { echo "compare_threads.sh: $*" >&2; exit 1; }
threads=2 cpus= rounds=5 gen=64 prompt=256 kernels=- packings=2bit,1.6bit nomul=build/nomul
while getopts t:c:r:n:p:k:P:b: option; do
    case $option in
        t) threads=$OPTARG ;; c) cpus=$OPTARG ;; r) rounds=$OPTARG ;; n) gen=$OPTARG ;;
        p) prompt=$OPTARG ;; k) kernels=$OPTARG ;; P) packings=$OPTARG ;; b) nomul=$OPTARG ;;
        *) usage ;;
    esac
done
for count in "$threads" "$rounds" "$gen" "$prompt"; do
    case $count in '' | ??????* | *[!0-9]*) usage ;; esac
done
[ "$threads" -gt 0 ] && [ "$rounds" -gt 0 ] && [ $((gen + prompt)) -gt 0 ] || usage
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- 370m 1.3b 2.7b models/stories-74m.gguf
cpus=${cpus:-$(seq -s, 0 $((threads - 1)))}
case ,$cpus, in *[!0-9,]* | *,,* | *,0[0-9]*) usage ;; esac
[ "$(echo "$cpus" | tr , '\n' | wc -l)" -eq "$threads" ] &&
    [ "$(echo "$cpus" | tr , '\n' | sort -u | wc -l)" -eq "$threads" ] || usage
for tool in taskset "$nomul"; do
    command -v "$tool" > /dev/null || fail "$tool is not there"
done
[ -r /proc/stat ] || fail "needs Linux's /proc"
commas() { echo "$1" | tr ',' ' '; }
for cpu in $(commas "$cpus"); do
    taskset -c "$cpu" true 2> /dev/null || fail "CPU $cpu: not one of this process"
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# run CPUS THREADS: prints "prefill decode signal" of three repetitions; $model, $packing and
# $kernel say of what.  Each field of CSV is in quotation marks, and a shape has commas.
run() {
    if [ -f "$model" ]; then set -- "$@" -m "$model"; else
        set -- "$@" --shape "$model" --pack "$packing"; fi
    [ "$kernel" = - ] || set -- "$@" --kernels "$kernel"
    on=$1 with=$2
    shift 2
    taskset -c "$on" "$nomul" bench "$@" -t "$with" -p "$prompt" -n "$gen" -r 3 --quick -o csv \
        > "$scratch/csv.$on" || fail "nomul bench failed"
    awk 'NR == 1 { n = split($0, name, ","); for (i = 1; i <= n; i++) at[name[i]] = i; next }
        { gsub(/^"|"$/, ""); split($0, value, "\",\"") }
        { speed[value[at["n_gen"]] > 0] = value[at["avg_ts"]]; ns = value[at["signal_ns"]] }
        ns != "" && (signal == "" || ns + 0 < signal) { signal = ns + 0 }
        END { print speed[0] + 0, speed[1] + 0, signal == "" ? "-" : int(signal) }' \
        "$scratch/csv.$on"
}

# Seconds: on the clock, busy on the CPUs with anything, busy with children of this script: not in a
# subshell, which has none.
clocks() {
    times > "$scratch/times"
    awk -v cpus="$cpus" -v hz="$(getconf CLK_TCK)" '
        BEGIN { n = split(cpus, list, ","); for (i = 1; i <= n; i++) of["cpu" list[i]] = 1 }
        FILENAME == "/proc/uptime" { now = $1 }
        FILENAME == "/proc/stat" && $1 in of { busy += ($2 + $3 + $4 + $7 + $8 + $9) / hz }
        /m.*s/ && FNR == 2 {
            for (i = 1; i <= 2; i++) { split($i, t, "m"); own += 60 * t[1] + t[2] }
        }
        END { print now, busy, own; exit busy == 0 }' /proc/uptime /proc/stat "$scratch/times" ||
        fail "/proc/stat has no time of CPUs $cpus"
}

# round: a line "signal others, then one, alone, together of prefill, the same of decode".
round() {
    clocks > "$scratch/before"
    one=$(run "${cpus%%,*}" 1)
    jobs=
    for cpu in $(commas "$cpus"); do
        run "$cpu" 1 > "$scratch/alone.$cpu" &
        jobs="$jobs $!"
    done
    for job in $jobs; do wait "$job" || exit 1; done
    together=$(run "$cpus" "$threads")
    clocks > "$scratch/after"
    alone=$(cat "$scratch"/alone.* | awk '{ p += $1; d += $2 } END { print p, d }')
    paste "$scratch/before" "$scratch/after" |
        awk -v one="$one" -v together="$together" -v alone="$alone" '
        { split(one, o); split(alone, a); split(together, t)
          others = $4 > $1 ? 100 * ($5 - $2 - ($6 - $3)) / ($4 - $1) : 0
          printf "%s %.1f %s %s %s %s %s %s\n", t[3], others,
              o[1], a[1], t[1], o[2], a[2], t[2] }'
}

# Lines of the table, from those of rounds.
show() {
    awk -v what="$model $packing $kernel" '
        function ratio(a, b) { return b > 0 ? sprintf("%.2f", a / b) : "-" }
        function line(name, mark, f) {
            printf "| %s | %s | %s%s | %s | %.1f | %.1f | %.1f | %s | %s |", \
                what, name, f[2], mark, f[1], f[6], f[7], f[8], ratio(f[8], f[7]), ratio(f[8], f[6])
            printf " %.1f | %.1f | %.1f | %s | %s |\n", \
                f[3], f[4], f[5], ratio(f[5], f[4]), ratio(f[5], f[3])
        }
        function median(column,    i, j, v, list, n) {
            n = 0
            for (i = 1; i <= NR; i++) if (!bad[i] || n_bad == NR) {
                v = row[i, column]
                for (j = n++; j > 0 && list[j] + 0 > v + 0; j--) list[j + 1] = list[j]
                list[j + 1] = v
            }
            return list[int((n + 1) / 2)]
        }
        { for (i = 1; i <= 8; i++) f[i] = row[NR, i] = $i
          n_bad += bad[NR] = $2 > 8
          line(NR, bad[NR] ? "!" : "", f) }
        END { for (i = 1; i <= 8; i++) f[i] = median(i)
              line("median", n_bad == NR ? "!" : "", f) }' "$scratch/rounds"
}

echo "| model | round | others % | signal ns | decode, 1 thread | $threads processes |" \
    "$threads threads | / processes | / 1 thread | prefill, 1 thread | $threads processes |" \
    "$threads threads | / processes | / 1 thread |"
echo "| --- | --- $(printf '| ---: %.0s' 1 2 3 4 5 6 7 8 9 10 11 12)|"
for model in "$@"; do
    [ ! -f "$model" ] && list=$(commas "$packings") || list=
    for packing in ${list:-''}; do
        for kernel in $(commas "$kernels"); do
            : > "$scratch/rounds"
            for r in $(seq "$rounds"); do
                for again in 1 2 3 4; do
                    round > "$scratch/round"
                    awk '{ exit $2 > 8 }' "$scratch/round" && break
                done
                cat "$scratch/round" >> "$scratch/rounds"
            done
            show
        done
    done
done
