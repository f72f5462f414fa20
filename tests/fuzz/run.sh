#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the fuzz targets one after another: run.sh PROGRAMS WORK SECONDS.  New inputs and what
# crashed are kept in WORK; the checked-in corpora are only read.
set -eu
programs=$1 work=$2 seconds=$3
passed=0 failed=0
for source in tests/fuzz/fuzz_*.c; do
    target=$(basename "$source" .c) name=$(basename "$source" .c | sed 's/^fuzz_//')
    mkdir -p "$work/$name"
    if "$programs/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$work/$name-" -print_final_stats=1 \
        "$work/$name" "tests/fuzz/corpus/$name" > "$work/$name.log" 2>&1; then
        passed=$((passed + 1))
        runs=$(awk '/number_of_executed_units/ {print $2}' "$work/$name.log")
        echo "fuzz $name: $runs inputs in $seconds s, no finding"
    else
        failed=$((failed + 1))
        echo "FAIL fuzz $name: see $work/$name.log"
        tail -n 25 "$work/$name.log"
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
