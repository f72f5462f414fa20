#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make check, once everything is built: check.sh OUT, the folder of the flavour.  Runs each part,
# shows what went wrong or was skipped, and ends with one line that sums all parts.  Needs nothing
# but POSIX; $RUN stands in front of built programs.
set -u
ulimit -c 0 2> /dev/null # the guard tests die on purpose
out=$1
tests=$out/tests
logs=$tests/logs
mkdir -p "$logs" "$tests/scratch"
TMPDIR=$(cd "$tests/scratch" && pwd) # nothing is written outside the build folder
export TMPDIR
passed=0 failed=0 skipped=0

# part NAME COMMAND...: its last line says "N passed, N failed, N skipped"; without one, with a bad
# exit although nothing failed, or having tested nothing, the part itself has failed.
part() {
    name=$1 log=$logs/$1.log
    shift
    "$@" > "$log" 2>&1
    code=$?
    set -- $(awk '/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {p = $1; f = $3; s = $5; n++}
                  END {if (n) print p, f, s}' "$log")
    p=${1:-0} f=${2:-1} s=${3:-0}
    [ "$code" = 0 ] || [ "$f" != 0 ] || f=1
    [ "$((p + f + s))" != 0 ] || f=1
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    if [ "$f" != 0 ]; then
        echo "---- $name: exit $code, the end of $log:"
        tail -n 40 "$log"
    else
        grep '^SKIP' "$log"
    fi
    echo "$name: $p passed, $f failed, $s skipped"
}

# one COMMAND...: a command that says nothing but whether it succeeded, as a part.
one() {
    if "$@"; then
        echo "1 passed, 0 failed, 0 skipped"
    else
        echo "0 passed, 1 failed, 0 skipped"
    fi
}

skip() {
    echo "SKIP $1"
    echo "0 passed, 0 failed, 1 skipped"
}

# A library may only define what bears its name.
symbols() {
    library=$1
    if ! command -v nm > /dev/null; then
        skip "symbols: there is no nm"
        return
    fi
    # Underscore-underscore names belong to the compiler: sanitizers define some.
    nm -g "$library" | awk '
        NF == 3 && $2 ~ /^[A-TV-Z]$/ {
            n++
            if ($3 !~ /^_?(nm|nomul)_/ && $3 !~ /^__/) { print "symbol " $3; bad = 1 }
        }
        END {
            if (!n) print "no symbols at all"
            exit bad || !n
        }'
    one test $? = 0
}

# The example: its exact words, whatever the flavour.
example() {
    model=models/stories-49m.gguf
    if [ ! -f "$model" ]; then
        skip "example: $model is missing"
        return
    fi
    $RUN "$tests/continue" "$model" "Once upon a time" 24 > "$tests/continue.out"
    one cmp "$tests/continue.out" tests/examples/continue.out
}

# The two long parts run side by side.
sh tests/cli/run.sh "$out/nomul" > "$logs/cli.words" 2>&1 &
cli=$!
finish_cli() {
    wait $cli
    code=$?
    cat "$logs/cli.words"
    return $code
}

library=$out/libnomul.a
part unit $RUN "$tests/tests"
part cli finish_cli
part includes one sh tools/check_includes.sh
part walls sh tools/check_includes.sh --self-test
part style one sh tools/check_style.sh
part style-rules sh tools/check_style.sh --self-test
part symbols symbols "$library"
for replay in "$tests"/replay_*; do
    case $replay in *.d) continue ;; esac
    name=${replay##*/replay_}
    part "corpus-$name" $RUN "$replay" "tests/fuzz/corpus/$name"/*
done
part example example

rm -rf "$tests/scratch"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
