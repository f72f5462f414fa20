#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares the logits of several builds of nomul bit by bit: with every instruction set of this CPU,
# both packings, 1 to 8 threads, and the ids fed at once, in chunks and one by one.
#
#   check_bits.sh PROGRAM...    $RUN is put in front of each
set -u
passed=0 failed=0 skipped=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# ids N: as many ids of the vocabulary.
ids() { awk -v n="$1" 'BEGIN {for (i = 0; i < n; i++) printf "%d ", (i * 37 + 1) % 251}'; }

# same PROGRAM FILE ARGUMENTS...: the hash of its logits equals that of all others.
same() {
    program=$1 file=$2
    shift 2
    got=$(${RUN-} "$program" logits -m "$file" --ids "$ids" --hash "$@" 2> "$scratch/err")
    if grep -q -e 'this CPU lacks' -e 'is not one of scalar|' "$scratch/err"; then
        return 0
    elif : "${want:=$got}" && [ -n "$got" ] && [ "$got" = "$want" ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $program $file $*: \"$got\", expected \"$want\" $(cat "$scratch/err")"
        failed=$((failed + 1))
    fi
}

# all MODEL N_IDS WAY...: every program, packing and instruction set; a WAY is "threads,batch size".
all() {
    model=$1 ids=$(ids "$2") want=
    shift 2
    if [ ! -f "$model" ]; then
        echo "SKIP bits: $model is missing"
        skipped=$((skipped + 1))
        return 0
    fi
    for program in $programs; do
        for pack in 2bit 1.6bit; do
            ${RUN-} "$program" repack "$model" -o "$scratch/$pack" --pack $pack -q
            for kernels in scalar ssse3 avx2 avx512bw avx512 avx512_48k neon; do
                for way in "$@"; do
                    same "$program" "$scratch/$pack" --kernels $kernels -t "${way%,*}" \
                        -b "${way#*,}"
                done
            done
        done
    done
    echo "$model: $want"
}

programs=$*
all models/tiny.gguf 600 1,1 2,3 3,64 4,96 5,512 8,7
all models/stories-77m.gguf 24 2,7 8,512
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
