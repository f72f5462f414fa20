#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs what make cross (and cross-riscv64-linux, cross-x86-linux, cross-arm-linux and
# cross-windows-tests) has built, and prints one line for each system: other processors and old x86
# ones under qemu-user, Windows under wine; macOS and Windows on ARM are linked only.
#
#   check_systems.sh [CROSS] [CASE...]     default: build/cross, and all cases of tests/cli for
#                                          Windows, the few below for the others
#
# On each: the size, the self-test, the logits' hash, a session that is saved there and continued on
# every other system with the same bytes, and cases of tests/cli; on Windows the unit tests and
# tests/windows/events.c.  The cases that do not apply there are those of
#
#   grep not_on_windows tests/cli/*.sh
set -u
cross=${1:-build/cross}
[ $# -eq 0 ] || shift
few=${*:-help ids kernels prompt} # `make check` runs all of them on ARM: .ci/run
all=${*:-$(basename -s .sh -a tests/cli/*.sh | grep -vx run)}
model=models/stories-77m.gguf
[ -f $model ] || model=models/tiny.gguf
most=600000 # bytes of a program
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
WINEDEBUG=-all
export WINEDEBUG

# NAME SYSTEM RUNNER...; wine takes arguments for UTF-8 only if the locale says so, and qemu warns
# of what it lacks.
systems() {
    cat << END
x86_64-linux x86_64-linux
core2duo x86_64-linux qemu-x86_64 -cpu core2duo
Nehalem x86_64-linux qemu-x86_64 -cpu Nehalem
Haswell x86_64-linux qemu-x86_64 -cpu Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-invpcid,-rtm
aarch64-linux aarch64-linux qemu-aarch64
riscv64-linux riscv64-linux qemu-riscv64
x86-linux x86-linux qemu-i386
arm-linux arm-linux qemu-arm
x86_64-windows x86_64-windows env LC_ALL=C.UTF-8 $wine
END
}

# is NAME RESULT WHAT: counts a test of a system in its files.
is() {
    if [ "$2" = 0 ]; then echo p; else echo f && echo " $3" >> "$scratch/$1.wrong"; fi \
        >> "$scratch/$1.tests"
}

# add NAME WHAT LOG: the tests that a last line "N passed, N failed, N skipped" counts.
add() {
    set -- "$1" "$2" "$3" $(tail -n 1 "$3" | tr -dc '0-9 ')
    [ $# = 6 ] || set -- "$1" "$2" "$3" 0 1 0
    [ "$5" = 0 ] || echo " $2" >> "$scratch/$1.wrong"
    grep -a '^FAIL' "$3"
    echo "$4 $5 $6" >> "$scratch/$1.sums"
    grep -a '^SKIP' "$3" | sed "s/^SKIP/SKIP $1,/"
}

program_of() { # SYSTEM
    if [ -f "$cross/$1/nomul.exe" ]; then
        echo "$cross/$1/nomul.exe"
    else
        echo "$cross/$1/nomul"
    fi
}

# What each system does on its own.
alone() { # NAME SYSTEM RUNNER...
    name=$1 program=$(program_of "$2")
    shift 2
    wc -c < "$program" > "$scratch/$name.size"
    [ "$(cat "$scratch/$name.size")" -le $most ]
    is "$name" $? size
    "$@" "$program" logits -m $model --ids 1,2,3 --hash 2> /dev/null | tr -d '\r' \
        > "$scratch/$name.hash"
    [ -s "$scratch/$name.hash" ] && cmp -s "$scratch/$name.hash" "$scratch/x86_64-linux.hash"
    is "$name" $? hash
    "$@" "$program" selftest > /dev/null 2>&1
    is "$name" $? selftest
    "$@" "$program" run -m $model -q -n 3 -s 7 -p 'Once upon a time' \
        --save-session "$scratch/$name.nms" > "$scratch/$name.begin" 2> /dev/null
    for part in begin nms; do
        [ -s "$scratch/$name.$part" ] && cmp -s "$scratch/$name.$part" "$scratch/x86_64-linux.$part"
        is "$name" $? "session:$part"
    done
}

# The session of every system, continued here: the same text and the same file.  Sessions that are
# the same file, as all should be, are continued once.
continued() { # NAME SYSTEM RUNNER...
    name=$1 program=$(program_of "$2")
    shift 2
    for session in "$scratch"/distinct/*; do
        from=$(basename "$session")
        "$@" "$program" run -m $model -q -n 3 --load-session "$session" \
            --save-session "$scratch/$name.2" > "$scratch/$name.end" 2> /dev/null
        [ -f "$scratch/end" ] || { cp "$scratch/$name.end" "$scratch/end" &&
            cp "$scratch/$name.2" "$scratch/end.2"; }
        [ -s "$scratch/end" ] && cmp -s "$scratch/$name.end" "$scratch/end" &&
            cmp -s "$scratch/$name.2" "$scratch/end.2"
        is "$name" $? "session from $from"
    done
}

# An emulator fails now and then where the program does not: a case that failed shows how, and has
# to pass when it runs once more, with the others that failed.
typed() { # NAME SYSTEM RUNNER...
    name=$1 program=$(program_of "$2") cases=$few log=$scratch/$1.log
    shift 2
    case $program in *.exe) cases=$all ;; esac
    RUN="$*" sh tests/cli/run.sh "$program" $cases > "$log" 2>&1
    again=$(sed -n 's/^FAIL \(.*\)\..*/\1/p' "$log" | sort -u)
    if [ -n "$again" ]; then
        grep -av '^SKIP' "$log" | sed "s/^/$name, first: /"
        RUN="$*" sh tests/cli/run.sh "$program" $again > "$log.again" 2>&1
        { grep -a '^SKIP' "$log" && cat "$log.again"; } > "$log.both"
        sums "$log" "$log.again" >> "$log.both"
        log=$log.both
    fi
    add "$name" tests/cli "$log"
}

# The sums of a log, and of another of its failed cases: what passed in either.
sums() { # LOG AGAIN
    tail -qn 1 "$1" "$2" | tr -dc '0-9 \n' | awk '
        { passed += $1; failed = $2; skipped += $3 }
        END { print passed " passed, " failed " failed, " skipped " skipped" }'
}

# Windows' own tests.
windows() { # NAME SYSTEM RUNNER...
    folder=$cross/$2 name=$1
    shift 2
    [ -f "$folder/tests.exe" ] || return 0
    TMPDIR=$scratch "$@" "$folder/tests.exe" > "$scratch/$name.units" 2>&1
    add "$name" 'unit tests' "$scratch/$name.units"
    mkdir "$scratch/events"
    cat tests/golden/text/text.txt tests/golden/text/text.txt > "$scratch/long.txt"
    set -- "$@" "$folder/events.exe" "$(full "$folder/nomul.exe")" "$(full models/tiny.gguf)" \
        "$(full "$scratch/long.txt")" "$(full "$scratch/events")"
    printf "'%s' " "$@" > "$scratch/events.sh"
    echo "> '$scratch/events.out' 2>&1" >> "$scratch/events.sh"
    # wine has a console if there is a terminal.
    if script -V > /dev/null 2>&1; then
        TERM=xterm script -qec "sh $scratch/events.sh" /dev/null < /dev/null > /dev/null 2>&1
    else
        sh "$scratch/events.sh" < /dev/null
    fi
    tr -d '\r' < "$scratch/events.out" > "$scratch/$name.events"
    add "$name" events "$scratch/$name.events"
}
# A program with nomul.dll beside it.
library() { # NAME SYSTEM RUNNER...
    folder=$cross/$2 name=$1
    shift 2
    [ -f "$folder/continue.exe" ] && [ $model = models/stories-77m.gguf ] || return 0
    "$@" "$folder/continue.exe" $model 'Once upon a time' 24 2> /dev/null | tr -d '\r' |
        cmp -s - tests/examples/continue.out
    is "$name" $? nomul.dll
}

full() { echo "Z:$(realpath "$1")" | tr / '\\'; }

# A static program needs nothing but itself and a model.
in_chroot() { # NAME SYSTEM
    root=$scratch/root
    mkdir -p "$root"
    cp "$cross/$2/nomul" models/stories-77m.gguf "$root" 2> /dev/null
    enter=chroot
    [ "$(id -u)" = 0 ] || enter='unshare -r chroot'
    if [ ! -f "$root/stories-77m.gguf" ] || ! $enter / true > /dev/null 2>&1; then
        echo "SKIP $1, chroot: not allowed here, or no model"
        echo 0 0 1 >> "$scratch/$1.sums"
        return
    fi
    $enter "$root" /nomul run -q -p 'Once upon a time' -n 3 -s 7 > "$scratch/$1.root" 2>&1
    cmp -s "$scratch/$1.root" "$scratch/$1.begin"
    is "$1" $? chroot
}

# each STEP [PATTERN]: of each system that is there (and matches).
each() {
    while read -r name system runner; do
        echo "$name" | grep -Eq "${2:-.}" && [ -f "$scratch/$name.there" ] || continue
        # shellcheck disable=SC2086
        $1 "$name" "$system" $runner < /dev/null
    done < "$scratch/systems"
}

systems > "$scratch/systems"
while read -r name system runner; do
    : > "$scratch/$name.wrong"
    : > "$scratch/$name.sums"
    runner=${runner##*UTF-8 } # the first word of it is a program
    if [ ! -f "$(program_of "$system")" ]; then
        missing="$cross/$system/nomul"
    elif ! command -v "${runner%% *}" > /dev/null && [ -n "$runner" ]; then
        missing=${runner%% *}
    else
        missing=
        : > "$scratch/$name.there"
    fi
    if [ -n "$missing" ]; then
        echo "SKIP $name: there is no $missing"
        echo 0 0 1 >> "$scratch/$name.sums"
    fi
done < "$scratch/systems"

# Two CPUs: Windows' tests take as long as all others.
{
    each windows windows
    each library windows
    each typed windows
} > "$scratch/windows.log" &
each alone
mkdir "$scratch/distinct"
for session in "$scratch"/*.nms; do
    for known in "$scratch"/distinct/*; do cmp -s "$session" "$known" && continue 2; done
    cp "$session" "$scratch/distinct/$(basename "$session" .nms)"
done
each continued
each in_chroot '^x86_64-linux$'
each typed 'core2duo|Nehalem|Haswell|linux'
wait
cat "$scratch/windows.log"

printf '\n%-16s %6s %6s %7s  %-16s  %7s\n' target passed failed skipped 'logits hash' bytes
passed=0 failed=0 skipped=0
while read -r name system runner; do
    set -- $(cat "$scratch/$name.tests" "$scratch/$name.sums" 2> /dev/null | awk '
        NF == 1 { n[$1]++ }
        NF == 3 { n["p"] += $1; n["f"] += $2; n["s"] += $3 }
        END { print n["p"] + 0, n["f"] + 0, n["s"] + 0 }')
    printf '%-16s %6d %6d %7d  %-16s  %7s %s\n' "$name" "$@" \
        "$(cat "$scratch/$name.hash" 2> /dev/null)" "$(cat "$scratch/$name.size" 2> /dev/null)" \
        "$(tr -d '\n' < "$scratch/$name.wrong")"
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
done < "$scratch/systems"
for system in aarch64-windows x86_64-macos aarch64-macos; do
    [ ! -f "$cross/$system/nomul" ] || printf '%-16s %40s  %7d\n' "$system" \
        'linked, not run' "$(wc -c < "$cross/$system/nomul")"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
