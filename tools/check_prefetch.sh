#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks in the machine code that the look-ahead prefetches: to a compiler, a function that only
# does that has no effect, and its calls may go.  No result would differ, only the speed.
#
#   check_prefetch.sh OBJECT...    objects of model/bitlinear.c for x86-64
set -eu
passed=0 failed=0
for object; do
    "${OBJDUMP_X86_64:-objdump}" -d --no-show-raw-insn "$object" | awk '
        /^[0-9a-f]+ <.*>:$/ { inside = $2 == "<nm_ahead_fetch>:" }
        inside && /(call|jmp).*<fetch[.>]|prefetch/ { found = 1 }
        END { exit !found }' && passed=$((passed + 1)) || {
        failed=$((failed + 1))
        echo "$object: nm_ahead_fetch prefetches nothing"
    }
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
