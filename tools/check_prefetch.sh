#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks in the machine code that the look-ahead prefetches: to a compiler, a function that only
# does that has no effect, and its calls may go.  No result would differ, only the speed.
#
#   check_prefetch.sh OBJECT...    objects of model/bitlinear.c for x86-64
set -eu
passed=0 failed=0
for object; do
    for name in nm_ahead_fetch begin_token; do
        # The function itself, or where it is inlined all that may call it.
        n=$("${OBJDUMP_X86_64:-objdump}" -d --no-show-raw-insn "$object" | awk -v name="$name" '
            /^[0-9a-f]+ <.*>:$/ { inside = $2 == "<" name ">:"; found = found || inside }
            /(call|jmp).*<fetch(\.|>|_gains)|prefetch/ { all++; here += inside }
            END { print found ? here + 0 : all + 0 }')
        if [ "$n" -gt 0 ]; then passed=$((passed + 1)); else
            failed=$((failed + 1))
            echo "$object: $name prefetches nothing"
        fi
    done
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
