#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Analyzers over src/: gcc -fanalyzer, clang-tidy and cppcheck, as far as they are installed.
#
#   JOBS=2 analyze.sh OUT     OUT/NAME.txt has the findings
#
# A finding that is none is explained where it is silenced: beside the code, in .clang-tidy, or
# below.
set -u
cd "$(dirname "$0")/.." || exit 1
out=$1
mkdir -p "$out"
: "${JOBS:=2}"
flags="-std=c11 -D_POSIX_C_SOURCE=200809L -Iinclude -Isrc"
passed=0 failed=0 skipped=0

# tool NAME COMMAND...: success without output is a pass.
tool() {
    name=$1
    shift
    if ! command -v "$name" > /dev/null; then
        echo "SKIP $name: not installed"
        skipped=$((skipped + 1))
        return
    fi
    "$@" > "$out/$name.txt" 2> "$out/$name.err" && code=0 || code=$?
    if [ $code != 0 ]; then
        failed=$((failed + 1))
        echo "FAIL $name: exit status $code, see $out/$name.txt and $name.err"
        tail -n 5 "$out/$name.txt" "$out/$name.err"
    elif grep -Eq '(warning|error|style|portability|performance):' "$out/$name.txt"; then
        failed=$((failed + 1))
        echo "FAIL $name: see $out/$name.txt"
        grep -E '(warning|error|style|portability|performance):' "$out/$name.txt" | head -n 20
    else
        passed=$((passed + 1))
    fi
}

# Without those that need MPI's or NCCL's headers.
sources() { find src -name '*.c' ! -name '*_mpi.c' ! -name '*_nccl.c' | LC_ALL=C sort; }

gcc_analyzer() {
    sources | grep -Ev 'kernels/|train/gradients_' | # vectors: minutes, and no finding
        xargs -P "$JOBS" -I{} gcc -fanalyzer $flags -O1 -c -o /dev/null {} 2>&1
}
clang_tidy() {
    sources | xargs -P "$JOBS" -n 8 sh -c 'clang-tidy --quiet "$@" -- '"$flags" sh
}
# uninitvar: arrays that a loop of at least three rounds fills, vectors that a function fills.
cppcheck_all() {
    cppcheck -q -j "$JOBS" --std=c11 --enable=warning,performance,portability --inline-suppr \
        --suppress=uninitvar -D__x86_64__ -Iinclude -Isrc src 2>&1
}
tool gcc gcc_analyzer
tool clang-tidy clang_tidy
tool cppcheck cppcheck_all
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
