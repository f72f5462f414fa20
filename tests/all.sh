#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make test: runs make check in every flavour that this machine can build and compares the bits that
# they compute.  Every flavour has its own folder beneath $BUILD.
set -u
: "${MAKE:=make}" "${BUILD:=build}"
passed=0 failed=0 skipped=0
programs=

sum() { # LOG CODE
    set -- "$2" $(awk '
        /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { p = $1; f = $3; s = $5; n++ }
        END { if (n) print p, f, s; else print 0, 1, 0 }' "$1")
    [ "$1" = 0 ] || [ "$3" != 0 ] || set -- "$1" "$2" 1 "$4"
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    echo "$2 passed, $3 failed, $4 skipped"
}

# flavour NAME TARGET VARIABLE=VALUE...
flavour() {
    name=$1 target=$2
    shift 2
    mkdir -p "$BUILD/$name"
    begin=$(date +%s)
    $MAKE --no-print-directory "$target" BUILD="$BUILD/$name" "$@" > "$BUILD/$name/log" 2>&1
    code=$?
    [ "$code" = 0 ] || tail -n 60 "$BUILD/$name/log"
    grep '^SKIP' "$BUILD/$name/log"
    printf '%s (%s s): ' "$name" "$(($(date +%s) - begin))"
    sum "$BUILD/$name/log" "$code"
}

# Compiled as one unit, where the compiler sees more: without a warning, the same bits.
one_unit() { # COMPILER
    name=$1-lto
    mkdir -p "$BUILD/$name"
    if $MAKE --no-print-directory all BUILD="$BUILD/$name" CC="$1" CFLAGS='-O3 -flto' \
        > "$BUILD/$name/log" 2>&1 && ! grep -i warning "$BUILD/$name/log"; then
        passed=$((passed + 1))
        programs="$programs $BUILD/$name/nomul"
        echo "$name: 1 passed, 0 failed, 0 skipped"
    else
        failed=$((failed + 1))
        tail -n 20 "$BUILD/$name/log"
        echo "$name: 0 passed, 1 failed, 0 skipped"
    fi
}

without() { # COMPILER
    echo "SKIP $1: there is no $1"
    skipped=$((skipped + 1))
}

for cc in gcc clang; do
    if ! command -v "$cc" > /dev/null; then
        without "$cc"
        continue
    fi
    for level in -O0 -O3; do
        flavour "$cc$level" check CC="$cc" CFLAGS="$level"
        programs="$programs $BUILD/$cc$level/obj-debug/nomul"
    done
done
command -v gcc > /dev/null && one_unit gcc
cc=gcc
command -v clang > /dev/null && cc=clang
flavour asan asan CC="$cc" CFLAGS=-O1
flavour tsan tsan CC="$cc" CFLAGS=-O1

sh tools/check_bits.sh $programs > "$BUILD/bits.log" 2>&1
code=$?
cat "$BUILD/bits.log"
printf 'bits: '
sum "$BUILD/bits.log" "$code"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
