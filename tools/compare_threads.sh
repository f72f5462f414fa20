#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares one process of N threads with N processes of one thread, which run at the same time, each
# on a CPU of its own, and with one process of one thread: what threads gain, and what they lose by
# waiting for one another.  Linux; needs taskset.
#
#   compare_threads.sh [OPTION...] [MODEL...]       MODEL: a file, or a shape of nomul bench
#     -t LIST      numbers of threads and processes (2)
#     -c CPUS      the CPUs, with commas between (0,1,2,...); N threads use the first N
#     -r ROUNDS    rounds that are counted (5)
#     -s SECONDS   begin nothing after that time and print the medians of what there is (no limit)
#     -w SECONDS   pause before each measurement of a shape (4)
#     -n, -p N     tokens decoded (64), tokens of a prompt (256); 0 for no such test
#     -k KERNELS   list of kernels; best: those that nomul chooses (avx2,best)
#     -P PACKINGS  list of packings of shapes (2bit,1.6bit)
#     -b NOMUL     the program (build/nomul)
#
# Paths are relative to the folder of the project.  Without arguments it measures 370m, 1.3b and
# 2.7b in both packings and the included model, with AVX2 and the best kernels: about nine minutes
# a round with two cores.  Kernels that this CPU lacks are left out.
#
# In a round, every case is measured once, the three ways in turn, and printed: tokens/s of one
# thread, of the N processes together and of N threads, and the ratios of the last to the others.
# The table at the end has the medians of each case, those of ratios of ratios.  "signal" is a round
# trip between two threads in ns: CPUs are near below 250, else far, and where a machine changes
# between the two, both have a line.  "others" is the time that other programs took on these CPUs,
# in percent of one CPU.  A measurement with more than 8 % is repeated, at most three times, then
# marked with ! and left out of the medians, unless none is better.  One during
# which the CPUs changed between near and far is repeated, too; if no repetition is better, its
# signal is "mixed", and it is in no median.
set -eu
cd "$(dirname "$0")/.."
usage() { sed -n '3,/^set/s/^# \{0,1\}//p' tools/compare_threads.sh >&2; exit 2; }
fail() { echo "compare_threads.sh: $*" >&2; exit 1; }
counts=2 cpus= rounds=5 seconds=0 pause=4 gen=64 prompt=256 kernels= packings=2bit,1.6bit
nomul=build/nomul
while getopts t:c:r:s:w:n:p:k:P:b: option; do
    case $option in
        t) counts=$OPTARG ;; c) cpus=$OPTARG ;; r) rounds=$OPTARG ;; s) seconds=$OPTARG ;;
        w) pause=$OPTARG ;; n) gen=$OPTARG ;; p) prompt=$OPTARG ;; k) kernels=$OPTARG ;;
        P) packings=$OPTARG ;; b) nomul=$OPTARG ;; *) usage ;;
    esac
done
commas() { echo "$1" | tr ',' ' '; }
case ,$counts, in *,,* | *,0*) usage ;; esac
most=0
for n in $(commas "$counts") "$rounds" "$seconds" "$pause" "$gen" "$prompt"; do
    case $n in '' | ??????* | *[!0-9]* | 0?*) usage ;; esac
done
for n in $(commas "$counts"); do [ "$n" -le "$most" ] || most=$n; done
[ "$rounds" -gt 0 ] && [ $((gen + prompt)) -gt 0 ] || usage
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- 370m 1.3b 2.7b models/stories-77m.gguf
cpus=${cpus:-$(seq -s, 0 $((most - 1)))}
case ,$cpus, in *[!0-9,]* | *,,* | *,0[0-9]*) usage ;; esac
[ "$(echo "$cpus" | tr , '\n' | wc -l)" -eq "$most" ] &&
    [ "$(echo "$cpus" | tr , '\n' | sort -u | wc -l)" -eq "$most" ] || usage
for tool in taskset "$nomul"; do
    command -v "$tool" > /dev/null || fail "$tool is not there"
done
[ -r /proc/stat ] || fail "needs Linux's /proc"
for cpu in $(commas "$cpus"); do
    taskset -c "$cpu" true 2> /dev/null || fail "CPU $cpu: not one of this process"
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Kernels, as far as this CPU has them; if they are not chosen by the caller, each once.
has() { "$nomul" bench --shape 1,64,64,64 -p 0 -n 1 -t 1 -r 1 --quick -o csv "$@" 2>&1; }
best=$(has | awk -F '","' '
    NR == 1 { n = split($0, name, ","); while (n && name[n] != "kernels") n-- }
    NR == 2 && n { gsub(/"/, "", $n); print $n }')
best=${best:-best}
if [ -z "$kernels" ]; then
    kernels=best
    [ "$best" = avx2 ] || ! has --kernels avx2 > /dev/null || kernels=avx2,best
fi
list=
for kernel in $(commas "$kernels"); do
    [ "$kernel" != best ] || kernel=$best
    [ "$kernel" = best ] || what=$(has --kernels "$kernel") || {
        echo "$kernel is left out: $what" >&2
        continue
    }
    list="$list $kernel"
done
[ "$list" ] || fail "there are no kernels to measure"

# run CPUS THREADS: prints "prefill decode signal" of three repetitions; $model, $packing and
# $kernel say of what.  Each field of CSV is in quotation marks, and a shape has commas.
run() {
    if [ "$packing" = - ]; then set -- "$@" -m "$model"; else
        set -- "$@" --shape "$model" --pack "$packing"; fi
    [ "$kernel" = best ] || set -- "$@" --kernels "$kernel"
    at=$1 with=$2
    shift 2
    taskset -c "$at" "$nomul" bench "$@" -t "$with" -p "$prompt" -n "$gen" -r 3 --quick -o csv \
        > "$scratch/csv.$at" || fail "nomul bench failed"
    awk 'NR == 1 { n = split($0, name, ","); for (i = 1; i <= n; i++) at[name[i]] = i; next }
        { gsub(/^"|"$/, ""); split($0, value, "\",\"") }
        { speed[value[at["n_gen"]] > 0] = value[at["avg_ts"]]; ns = value[at["signal_ns"]] }
        ns != "" && (signal == "" || ns + 0 < signal) { signal = ns + 0 }
        END { print speed[0] + 0, speed[1] + 0, signal == "" ? "-" : int(signal) }' \
        "$scratch/csv.$at"
}

# Seconds: on the clock, busy on the CPUs with anything, busy with children of this script: not in a
# subshell, which has none.
clocks() {
    times > "$scratch/times"
    awk -v cpus="$on" -v hz="$(getconf CLK_TCK)" '
        BEGIN { n = split(cpus, list, ","); for (i = 1; i <= n; i++) of["cpu" list[i]] = 1 }
        FILENAME == "/proc/uptime" { now = $1 }
        FILENAME == "/proc/stat" && $1 in of { busy += ($2 + $3 + $4 + $7 + $8 + $9) / hz }
        /m.*s/ && FNR == 2 {
            for (i = 1; i <= 2; i++) { split($i, t, "m"); own += 60 * t[1] + t[2] }
        }
        END { printf "%.2f %.2f %.2f\n", now, busy, own; exit busy == 0 }' \
        /proc/uptime /proc/stat "$scratch/times" ||
        fail "/proc/stat has no time of CPUs $on"
}

# counted COMMAND...: with its clocks, after a pause.  A virtual machine gives memory that was freed
# back to its host, which takes a CPU's time two to four seconds later: 8 % of what the next process
# with 2.7b does.  Models that are files stay in memory.
counted() {
    [ "$packing" = - ] || sleep "$pause"
    clocks >> "$scratch/clocks"
    "$@"
    clocks >> "$scratch/clocks"
}

# apart: a process on each CPU, all at the same time.
apart() {
    jobs=
    for cpu in $(commas "$on"); do
        run "$cpu" 1 > "$scratch/apart.$cpu" &
        jobs="$jobs $!"
    done
    for job in $jobs; do wait "$job" || exit 1; done
}

# The signal of now, as run prints it.
probe() (
    model=1,64,64,64 packing=2bit prompt=0 gen=4
    run "$on" "$threads"
)

# round: a line "signal others, then one, apart, together of prefill, the same of decode".
round() {
    rm -f "$scratch/clocks" "$scratch"/apart.*
    counted run "${on%%,*}" 1 > "$scratch/one"
    probe > "$scratch/signals"
    counted apart
    probe >> "$scratch/signals"
    counted run "$on" "$threads" > "$scratch/together"
    awk '
        FILENAME ~ /\/(signals|together)$/ && $3 != "-" { seen[$3 < 250] }
        FILENAME ~ /\/clocks$/ {
            sign = FNR % 2 ? -1 : 1
            wall += sign * $1; busy += sign * $2; own += sign * $3
        }
        FILENAME ~ /\/one$/ { one[1] = $1; one[2] = $2 }
        FILENAME ~ /\/apart\.[0-9]+$/ { apart[1] += $1; apart[2] += $2 }
        FILENAME ~ /\/together$/ { all[1] = $1; all[2] = $2; signal = $3 }
        END {
            others = wall > 0 ? 100 * (busy - own) / wall : 0
            if ((0 in seen) && (1 in seen)) signal = "mixed"
            printf "%s %.1f %s %s %s %s %s %s\n", signal, others,
                one[1], apart[1], all[1], one[2], apart[2], all[2]
        }' "$scratch/clocks" "$scratch/one" "$scratch"/apart.* "$scratch/signals" \
        "$scratch/together"
}

# table < ROUNDS: lines of the table.  With medians=1 those of each case, near CPUs apart from far.
table() {
    awk -F '\t' -v medians="${medians:-0}" '
        function value(x) { return x == "-" ? x : sprintf("%.1f", x) }
        function ratio(a, b) { return b > 0 ? sprintf("%.2f", a / b) : "-" }
        function line(what, mark) {
            printf "| %s | %s%s | %s |", what, value(f[2]), mark, f[1]
            printf " %s | %s | %s | %s | %s |", value(f[6]), value(f[7]), value(f[8]), f[11], f[12]
            printf " %s | %s | %s | %s | %s |\n", value(f[3]), value(f[4]), value(f[5]), f[9], f[10]
        }
        function median(group, column, all,    i, j, n, v, list) {
            for (i = 1; i <= NR; i++) if (of[i] == group && (all || row[i, 2] <= 8)) {
                v = row[i, column]
                for (j = n++; j > 0 && list[j] + 0 > v + 0; j--) list[j + 1] = list[j]
                list[j + 1] = v
            }
            return list[int((n + 1) / 2)]
        }
        {   split($3, f, " ")
            f[9] = ratio(f[5], f[4]); f[10] = ratio(f[5], f[3])
            f[11] = ratio(f[8], f[7]); f[12] = ratio(f[8], f[6])
            if (medians && f[1] == "mixed") next
            where = f[1] == "-" || f[1] == "mixed" ? "" : f[1] < 250 ? ", near" : ", far"
            for (i = 1; i <= 12; i++) row[NR, i] = f[i]
            of[NR] = $1 where
            if (!(of[NR] in seen)) { seen[of[NR]]; order[++n_groups] = of[NR] }
            if (f[2] <= 8) quiet[of[NR]]++
            all[of[NR]]++
            if (!medians) line($1 " | " $2 where, f[2] > 8 ? "!" : "")
        }
        END {
            for (g = 1; medians && g <= n_groups; g++) {
                group = order[g]
                n = quiet[group] ? quiet[group] : all[group]
                for (i = 1; i <= 12; i++) f[i] = median(group, i, !quiet[group])
                where = ""
                if (match(group, /, (near|far)$/)) where = substr(group, RSTART)
                line(substr(group, 1, length(group) - length(where)) " | median of " n where,
                     quiet[group] ? "" : "!")
            }
        }'
}
heading() {
    echo "| model, kernels, threads | round | others % | signal ns |" \
        "decode, 1 thread | processes | threads | / processes | / 1 thread |" \
        "prefill, 1 thread | processes | threads | / processes | / 1 thread |"
    echo "| --- | --- $(printf '| ---: %.0s' 1 2 3 4 5 6 7 8 9 10 11 12)|"
}

late() { [ "$seconds" -gt 0 ] && [ $(($(date +%s) - began)) -ge "$seconds" ]; }

# measure ROUND: of the case that $model, $packing, $kernel and $threads name.
measure() {
    late && return 0
    on=$(echo "$cpus" | cut -d, -f"1-$threads")
    for _ in 1 2 3 4; do
        round > "$scratch/round"
        awk '{ exit $2 > 8 || $1 == "mixed" }' "$scratch/round" && break
        late && break
    done
    name=$model
    [ "$packing" = - ] || name="$model $packing"
    printf '%s %s, %d\t%s\t%s\n' "$name" "$kernel" "$threads" "$1" "$(cat "$scratch/round")" \
        > "$scratch/line"
    table < "$scratch/line"
    cat "$scratch/line" >> "$scratch/rounds"
}

began=$(date +%s)
heading
for round in $(seq "$rounds"); do
    for model in "$@"; do
        [ -f "$model" ] && packed=- || packed=$(commas "$packings")
        for packing in $packed; do
            for kernel in $list; do
                for threads in $(commas "$counts"); do measure "$round"; done
            done
        done
    done
done
echo
heading
medians=1 table < "$scratch/rounds"
