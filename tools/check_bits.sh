#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The same bits from every program, whatever compiler and flags built it, for any number of threads
# and for ids taken whole, in chunks and one by one: check_bits.sh PROGRAM...
set -u
passed=0 failed=0 skipped=0
for model in models/tiny.gguf models/stories-49m.gguf; do
    if [ ! -f "$model" ]; then
        echo "SKIP bits: $model is missing"
        skipped=$((skipped + 1))
        continue
    fi
    # The slow one once per program, the fast one in every way.
    threads='1 2 3 4' batches='1 3 64'
    [ "$model" = models/tiny.gguf ] || { threads=2 batches=7; }
    ids=$(awk 'BEGIN {for (i = 0; i < 32; i++) printf "%d ", (i * 37 + 1) % 251}')
    want=
    for program in "$@"; do
        for t in $threads; do
            for b in $batches; do
                got=$(${RUN-} "$program" logits -m "$model" --ids "$ids" --hash -t "$t" -b "$b")
                : "${want:=$got}"
                if [ -n "$got" ] && [ "$got" = "$want" ]; then
                    passed=$((passed + 1))
                else
                    echo "FAIL $program $model -t $t -b $b: \"$got\", expected \"$want\""
                    failed=$((failed + 1))
                fi
            done
        done
    done
    echo "$model: $want"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
