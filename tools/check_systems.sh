#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs what make cross (and make cross-riscv64-linux cross-x86-linux cross-arm-linux) has built:
# other processors and old x86 ones under qemu-user, Windows under wine; macOS and Windows on ARM
# are linked only.  On each: the bits of the logits, the self-test, a session that is saved there
# and one of the first system that is continued there, with equal texts and files, and cases of
# tests/cli.
#
#   check_systems.sh [CROSS] [CASE...]     default: build/cross, and the cases below
#
# Cases that cannot apply to Windows under wine, and why:
#
#   accidents, interactive, repack, signals  send signals, which Windows lacks (Ctrl-C is an event)
#   convert, full, logits                    need ulimit -f or /dev/full
#   files                                    a path begins with a drive
#   misuse                                   an argument of invalid UTF-8 does not exist there
#   read_only, bench_ops                     need an unprivileged user, or time
#   generate, info, session, tokenize        pass non-ASCII arguments with LC_ALL=C: wine loses them
#   batch, perplexity                        take more than 100 s of starting wine
set -u
cross=${1:-build/cross}
[ $# -eq 0 ] || shift
cases=${*:-help ids kernels prompt}
model=models/tiny.gguf # an emulator takes minutes for the other one
most=600000 # bytes of a program
passed=0 failed=0 skipped=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
WINEDEBUG=-all
export WINEDEBUG

begin() { # COMMAND...
    "$@" run -m $model -q -n 12 -s 7 -p 'Once upon a time' --save-session "$scratch/$name.1"
}
end() { # SESSION COMMAND...
    session=$1
    shift
    "$@" run -m $model -q -n 12 --load-session "$session" --save-session "$scratch/$name.2"
}

# row NAME SYSTEM RUNNER...: runs the program of a system.
row() {
    name=$1 program=$cross/$2/nomul
    shift 2
    [ -f "$program.exe" ] && program=$program.exe
    if [ ! -f "$program" ] || ! command -v "${1:-sh}" > /dev/null; then
        printf '%-16s %s\n' "$name" "SKIP: no $program, or no ${1:-}"
        skipped=$((skipped + 1))
        return
    fi
    p=0 f=0 s=0
    test_is() { if [ "$1" = 0 ]; then p=$((p + 1)); else f=$((f + 1)) && wrong="$wrong $2"; fi; }
    wrong=
    size=$(wc -c < "$program")
    [ "$size" -le $most ]
    test_is $? size
    hash=$("$@" "$program" logits -m $model --ids 1,2,3 --hash 2> /dev/null | tr -d '\r')
    [ "$hash" = "${want:=$hash}" ] && [ -n "$hash" ]
    test_is $? hash
    "$@" "$program" selftest > /dev/null 2>&1
    test_is $? selftest
    begin "$@" "$program" > "$scratch/$name.begin" 2> /dev/null
    end "$scratch/${first:=$name}.1" "$@" "$program" > "$scratch/$name.end" 2> /dev/null
    [ -s "$scratch/$name.2" ]
    test_is $? session
    for part in begin end 1 2; do
        cmp -s "$scratch/$name.$part" "$scratch/$first.$part"
        test_is $? "session:$part"
    done
    for case in $cases; do
        RUN="$*" sh tests/cli/run.sh "$program" "$case" > "$scratch/log" 2>&1
        set -- "$@" -- $(tail -n 1 "$scratch/log" | tr -dc '0-9 ')
        while [ "$1" != -- ]; do set -- "$@" "$1" && shift; done
        shift
        p=$((p + ${1:-0})) f=$((f + ${2:-1})) s=$((s + ${3:-0}))
        [ "${2:-1}" = 0 ] || wrong="$wrong $case"
        shift 3
    done
    printf '%-16s %6d %6d %7d  %s  %7d %s\n' "$name" $p $f $s "$hash" "$size" "$wrong"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

linked() { # NAME
    program=$cross/$1/nomul
    [ -f "$program" ] || return
    printf '%-16s %31s  %7d\n' "$1" 'linked, not run' "$(wc -c < "$program")"
}

printf '%-16s %6s %6s %7s  %-16s  %7s\n' target passed failed skipped 'logits hash' bytes
row x86_64-linux x86_64-linux
row core2duo x86_64-linux qemu-x86_64 -cpu core2duo
row Nehalem x86_64-linux qemu-x86_64 -cpu Nehalem
row Haswell x86_64-linux qemu-x86_64 -cpu \
    Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-invpcid,-rtm # or qemu warns that it lacks them
row aarch64-linux aarch64-linux qemu-aarch64
row riscv64-linux riscv64-linux qemu-riscv64
row x86-linux x86-linux qemu-i386
row arm-linux arm-linux qemu-arm
wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
row x86_64-windows x86_64-windows "$wine"
# Unit tests, of make cross-windows-tests.
if [ -f "$cross/x86_64-windows/tests.exe" ] && [ -x "$wine" ]; then
    TMPDIR=$scratch "$wine" "$cross/x86_64-windows/tests.exe" > "$scratch/log" 2>&1
    grep -a -E '^(FAIL|SKIP|  tests)' "$scratch/log"
    set -- $(tail -n 1 "$scratch/log" | tr -dc '0-9 ')
    printf '%-16s %6d %6d %7d\n' '  its unit tests' "${1:-0}" "${2:-1}" "${3:-0}"
    passed=$((passed + ${1:-0})) failed=$((failed + ${2:-1})) skipped=$((skipped + ${3:-0}))
fi
for system in aarch64-windows x86_64-macos aarch64-macos; do linked $system; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
