#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Counts the instructions of each thread for one decoded token, by callgrind: how evenly work is
# shared by any number of threads, on a machine with any number of CPUs.  Needs valgrind.  With
# TOKENS=N in the environment it counts for a prompt of up to 31 tokens.  With more, each thread may
# take tokens of its own, which is not simulated.
#
#   count_shares.sh [SHAPE [PACKING [KERNELS [THREADS...]]]]      (370m 2bit avx2 2 8 16)
#
# PACKING is 2bit or 1.6bit, THREADS are numbers from 2 to 16.
#
# Each thread does its share of every round; nobody waits or steals (tests/simulated/shares.c).
# A barrier is a round of the pool.  Thread 0 also does what is between the rounds.  "busiest x N /
# one" is 1.00 where the work of one thread alone is shared out evenly and none is done twice.
set -eu
cd "$(dirname "$0")/.."
usage() { sed -n '3,/^set/s/^# \{0,1\}//p' tools/count_shares.sh >&2; exit 2; }
shape=${1:-370m} packing=${2:-2bit} kernels=${3:-avx2}
[ $# -gt 3 ] && shift 3 || set -- 2 8 16
case $shape in -*) usage ;; esac
case $packing in 2bit | t4) stored=t4 ;; 1.6bit | t5) stored=t5 ;; *) usage ;; esac
for n; do
    case $n in [2-9] | 1[0-6]) ;; *) usage ;; esac
done
case ${TOKENS:-1} in [1-9] | [12][0-9] | 3[01]) ;; *) usage ;; esac
command -v valgrind > /dev/null || { echo "count_shares.sh: needs valgrind" >&2; exit 1; }
program=${BUILD:-build}/obj-release/tests/shares
${MAKE:-make} --no-print-directory "$program" > /dev/null
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT

# glibc clears memory by an instruction that callgrind counts once a byte.
export GLIBC_TUNABLES=glibc.cpu.x86_rep_stosb_threshold=1000000000

echo "| $shape $packing $kernels: threads | barriers a layer | of the logits |" \
    "instructions of one | busiest | busiest x N / one | thread 0 between rounds |"
echo '| ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
one=
for n in 1 "$@"; do
    rounds=$(valgrind -q --tool=callgrind --callgrind-out-file="$counts" \
        --toggle-collect='decode_counted*' "$program" "$shape" "$stored" "$kernels" "$n" \
        "${TOKENS:-1}")
    line=$(callgrind_annotate --inclusive=yes --threshold=100 "$counts" | awk -v n="$n" \
        -v rounds="$rounds" -v one="$one" '
        { gsub(",", "", $1) }
        /PROGRAM TOTALS/ { all = $1 }
        /:thread_[0-9]+ / {
            match($0, /:thread_[0-9]+/)
            count[substr($0, RSTART + 8, RLENGTH - 8)] = $1
        }
        END {
            between = all
            for (k in count) between -= count[k]
            count[0] += between
            for (k in count) if (count[k] > busiest) busiest = count[k]
            if (n == 1) { print all; exit }
            split(rounds, r)
            printf "| %d | %.2f | %d | %d | %d | %.3f | %d |\n", n, r[1] / r[4], r[6], one,
                busiest, busiest * n / one, between
        }')
    if [ -n "$one" ]; then echo "$line"; else one=$line; fi
done
