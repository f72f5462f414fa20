#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs nomul on older x86 CPUs, emulated by qemu-x86_64: on each the fastest kernels that it can run
# are chosen, compute the same bits as on this machine, and the others are refused with one line.
#
#   check_cpus.sh [NOMUL]
set -u
nomul=${1:-build/nomul}
model=models/tiny.gguf
passed=0 failed=0

is() { # WHAT GOT WANT
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        echo "$1: is \"$2\", expected \"$3\""
        failed=$((failed + 1))
    fi
}

want=$("$nomul" logits -m $model --ids 1,2,3 --hash) && [ -n "$want" ] || exit 1
hash() { # CPU [OPTION...]
    cpu=$1
    shift
    qemu-x86_64 -cpu "$cpu" "$nomul" logits -m $model --ids 1,2,3 --hash "$@" 2>&1 |
        grep -v ^qemu
}

# check CPU BEST REFUSED LACKS: the kernels chosen, others, what the CPU lacks for them.
check() {
    got=$(qemu-x86_64 -cpu "$1" "$nomul" info $model 2> /dev/null |
        sed -n 's/^kernels *\([a-z0-9_]*\).*/\1/p')
    is "$1: kernels" "$got" "$2"
    is "$1: bits" "$(hash "$1")" "$want"
    is "$1: $3" "$(hash "$1" --kernels "$3")" "nomul: kernels $3: this CPU lacks $4"
}

check qemu64 scalar ssse3 ssse3
check qemu64 scalar avx2 'ssse3 avx2'
check Conroe ssse3 avx2 avx2
check Haswell avx2 avx512bw 'avx512f avx512bw'
check Haswell avx2 avx512 'avx512f avx512bw avx512vl avx512vbmi'
is 'Haswell: ssse3' "$(hash Haswell --kernels ssse3)" "$want"
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
