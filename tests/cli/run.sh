#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tests of the program as a user types it:
#
#   run.sh [-u] NOMUL [NAME...]    default: all cases; -u renews the expected files
#
# A case is NAME.sh.  Its stdout, stderr and exit code must equal NAME.out, NAME.err and NAME.exit
# to the byte; a missing file stands for nothing, nothing and 0.  A case runs in a shell of its own,
# in an empty folder with links to `models`, `golden` and `text.txt`.  It calls `nomul`, or `try`
# for a transcript.  A case that cannot run on this machine is skipped with the reason.
set -u
update=false
[ "${1:-}" = -u ] && update=true && shift
[ $# -gt 0 ] || { echo "run.sh: which nomul?" >&2; exit 2; }
# The time of a small case is that of starting processes: the shell cuts paths by itself.
folder() { case $1 in */*) (cd "${1%/*}" && pwd) ;; *) pwd ;; esac }
program=$(folder "$1")/${1##*/}
shift
[ -x "$program" ] || { echo "run.sh: $program: not a program" >&2; exit 2; }
cases=$(folder "$0")
root=${cases%/*/*}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/nomul-cli.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
unset NOMUL_MODEL
LC_ALL=C
export LC_ALL
: "${RUN:=}" # put in front of the program, e.g. qemu-aarch64
passed=0 failed=0 skipped=0

nomul() { $RUN "$program" "$@"; }

# Prints the command, its stdout and stderr, and its exit code; stdin is empty.
try() {
    printf '$ nomul %s\n' "$*"
    nomul "$@" < /dev/null 2>&1
    printf '[%d]\n' $?
}

skip() { # REASON
    echo "$*" > ../skipped
    exit 0
}

# For a case that has nothing to test on Windows, or not under wine: the list of them is
# grep not_on_windows tests/cli/*.sh
not_on_windows() { # REASON
    case $program in *.exe) skip "$*" ;; esac
}

need() { # FILE
    [ -e "$1" ] || skip "$1 is missing"
}

# Repeats a command, without what it prints, until it succeeds; for about a minute at most.
poll() { # COMMAND...
    left=3000
    until "$@" > /dev/null 2>&1 || [ $left -le 0 ]; do
        left=$((left - 1))
        sleep 0.02 2> /dev/null || { sleep 1 && left=$((left - 49)); }
    done
}

# Until a file has something in it.
wait_for() { # FILE
    poll test -s "$1"
}

# For another process to take a step that can't be seen from here.
nap() { sleep 0.1 2> /dev/null || sleep 1; }

# Until a program catches SIGTERM, as /proc tells (bit 14 of SigCgt), and has had time for its first
# steps; a second where nothing tells, or an emulator stands between.
wait_ready() { # PID
    if [ -n "$RUN" ] || [ ! -r "/proc/$1/status" ]; then
        sleep 1
    else
        poll grep -q '^SigCgt:.*[4-7c-f]...$' "/proc/$1/status"
        nap
    fi
}

differs() { # EXPECTED GOT
    if [ ! -f "$1" ]; then [ -s "$2" ] || return 1; set -- /dev/null "$2"; fi
    ! cmp -s "$1" "$2" && diff "$1" "$2" | head -n 20
}

keep() { # EXPECTED GOT
    if [ -s "$2" ]; then cp "$2" "$1"; else rm -f "$1"; fi
}

check() { # NAME
    [ ! -e "$scratch/here" ] || rm -rf "${scratch:?}"/*
    mkdir "$scratch/here"
    ln -s "$root/models" "$root/tests/golden" "$root/tests/golden/text/text.txt" "$scratch/here"
    (cd "$scratch/here" && . "$cases/$1.sh") > "$scratch/out" 2> "$scratch/err"
    code=$?
    { [ $code = 0 ] || echo $code; } > "$scratch/exit"

    if [ -f "$scratch/skipped" ]; then
        echo "SKIP $1: $(cat "$scratch/skipped")"
        skipped=$((skipped + 1))
        return
    fi
    same=true
    for part in out err exit; do
        $update && keep "$cases/$1.$part" "$scratch/$part"
        if differs "$cases/$1.$part" "$scratch/$part"; then
            echo "FAIL $1.$part"
            same=false
        fi
    done
    if $same; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

if [ $# = 0 ]; then
    for file in "$cases"/*.sh; do
        name=$(basename "$file" .sh)
        [ "$name" = run ] || set -- "$@" "$name"
    done
fi
for name; do check "$name"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
