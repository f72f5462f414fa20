#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The parts of make check.  make runs them side by side, each in a process of its own:
#
#   check.sh OUT begin        empties OUT/tests/logs and the scratch folder
#   check.sh OUT part NAME    runs one part: its output goes to logs/NAME.log
#   check.sh OUT sum          shows what failed or was skipped and adds up all parts
#
# OUT is the folder of the flavour.  A part passes if it exits with 0, its last line says
# "N passed, N failed, N skipped" and it tested something.  Needs nothing but POSIX; $RUN stands in
# front of built programs; TIMES=1 lists the CPU time of every part.
set -u
ulimit -c 0 2> /dev/null # the guard tests die on purpose
out=$1 do=$2
tests=$out/tests
logs=$tests/logs

# one COMMAND...: a command that says nothing but whether it succeeded, as a part.
one() {
    if "$@"; then
        echo "1 passed, 0 failed, 0 skipped"
    else
        echo "0 passed, 1 failed, 0 skipped"
        return 1
    fi
}

skip() {
    echo "SKIP $1"
    echo "0 passed, 0 failed, 1 skipped"
}

# only PATTERN: the names that nm defines on stdin match it.  Those of two underscores belong to the
# compiler, as sanitizers define some, those of one to the linker; mangle_path is of gcov.
only() {
    awk -v pattern="$1" '
        NF == 3 && $2 ~ /^[A-TV-Z]$/ {
            n++
            if ($3 !~ pattern && $3 !~ /^(__.*|_init|_fini|_edata|_end|mangle_path)$/) {
                print "symbol " $3
                bad = 1
            }
        }
        END {
            if (!n) print "no symbols at all"
            exit bad || !n
        }'
}

# The library defines nothing but its own names, the shared one shows nomul_* alone, and it has no
# variables: what can be written is the compiler's own (__*; $d marks data on ARM).  (Constants that
# hold addresses are in .data.rel.ro, which is read-only after loading.)
symbols() {
    nm -g "$out/libnomul.a" | only '^_?(nm|nomul)_' &&
        nm -g $(if [ "$(uname)" != Darwin ]; then echo -D; fi) "$out/libnomul.so" |
        only '^_?nomul_' || return 1
    case $out in *debug) ;; *) return 0 ;; esac # sanitizers and counters have variables
    objdump -t "$out/libnomul.so" 2> /dev/null | awk '
        { n++ }
        / \.(data|bss|tdata|tbss)[ \t]/ && $NF !~ /^(\.data|\.bss|\$[dx].*|__.*)$/ &&
            $NF !~ /^(completed\.[0-9]*|_edata|_end|data_start)$/ {
            print "variable " $NF
            bad = 1
        }
        END {
            if (!n) print "objdump says nothing"
            exit bad || !n
        }'
}

# The README quotes generate.c without its first two lines.  At most 15 lines of 80 columns.
quoted() {
    awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' README.md > "$tests/quoted.c"
    sed 1,2d tests/examples/generate.c | cmp - "$tests/quoted.c" &&
        awk 'length > 80 { exit 1 } END { exit NR > 15 }' "$tests/quoted.c"
}

# continue prints the same text in every flavour; generate fails, and says why, if its model is
# missing or its output cannot be written.
examples() (
    $RUN "$tests/continue" "$1" "Once upon a time" 24 > "$tests/continue.out" &&
        cmp "$tests/continue.out" tests/examples/continue.out || return 1
    generate=$(cd "$tests" && pwd)/generate model=$PWD/$1
    cd "$(mktemp -d)" || return 1
    $RUN "$generate" > out 2> missing && return 1
    grep model.gguf missing && ln -s "$model" model.gguf || return 1
    [ -c /dev/full ] || return 0
    $RUN "$generate" > /dev/full 2> full && return 1
    grep -x 'cannot write' full
)

example() {
    model=models/stories-77m.gguf
    if [ -f "$model" ]; then
        one examples "$model"
    else
        skip "example: $model is missing"
    fi
}

# What computes floats is not compiled where the compiler may reorder them.
fast_math() {
    compile() { ${CC:-cc} -std=c11 -Iinclude -Isrc -fsyntax-only "$@" 2> "$tests/fast_math.log"; }
    compile src/base/exp.c || return 1
    while read -r file flag; do
        if compile $flag "src/$file" || ! grep -q 'they change results' "$tests/fast_math.log"; then
            echo "src/$file compiles with $flag"
            return 1
        fi
    done << 'END'
base/exp.c -ffast-math
base/exp.c -Ofast
base/exp.c -ffinite-math-only
base/exp.c -O3 -ffast-math
kernels/float_scalar.c -ffast-math
tokens/sampler.c -ffast-math
END
}

run_part() {
    case $1 in
    unit.*) $RUN "$tests/tests" "${1#unit.}" ;;
    cli.*) sh tests/cli/run.sh "$out/nomul" "${1#cli.}" ;;
    corpus.*) $RUN "$tests/replay_${1#corpus.}" "tests/fuzz/corpus/${1#corpus.}"/* ;;
    includes) one sh tools/check_includes.sh ;;
    includes-rules) sh tools/check_includes.sh --self-test ;;
    calls) one sh tools/check_calls.sh "$out" ;;
    calls-rules) sh tools/check_calls.sh --self-test ;;
    style) one sh tools/check_style.sh ;;
    style-rules) sh tools/check_style.sh --self-test ;;
    symbols) if command -v nm > /dev/null; then one symbols; else skip "symbols: no nm"; fi ;;
    example) example ;;
    quoted) one quoted ;;
    fast-math) one fast_math ;;
    *) echo "check.sh: no part $1" && return 1 ;;
    esac
}

part() {
    TMPDIR=$(cd "$tests/scratch" && pwd) # nothing is written outside the build folder
    export TMPDIR
    run_part "$1" > "$logs/$1.log" 2>&1
    # The last lines: the exit code, the CPU times of this shell and those of the children.
    { echo "exit $?" && times; } >> "$logs/$1.log"
}

# NAME PASSED FAILED SKIPPED CODE SECONDS of each part.  Of "0m1.230s 0m0.450s", user and system
# time, the last line counts.
results() {
    for log in "$logs"/*.log; do # awk sees no file without a line: a part killed at once
        [ -s "$log" ] || echo > "$log"
    done
    awk '
        function finish(    i, t) {
            if (name == "") return
            gsub(/s/, "", last)
            split(last, time, " ")
            for (i = 1; i <= 2; i++) { split(time[i], t, "m"); seconds += 60 * t[1] + t[2] }
            if (!n || (code && !f) || p + f + s == 0) f++
            print name, p + 0, f + 0, s + 0, code, seconds
        }
        FNR == 1 {
            finish()
            name = FILENAME
            sub(/.*\//, "", name)
            sub(/\.log$/, "", name)
            p = f = s = n = seconds = 0
            code = 1 # of a part that was killed
        }
        /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { p = $1; f = $3; s = $5; n++ }
        /^exit [0-9]+$/ { code = $2 }
        { last = $0 }
        END { finish() }' "$logs"/*.log
}

# A row per group, what is before the first dot of a part's name, in the order of the names.
sum() {
    results > "$logs/all"
    grep -h '^SKIP' "$logs"/*.log
    awk '$3 != 0' "$logs/all" | while read -r name p f s code seconds; do
        echo "---- $name: exit $code, the end of $logs/$name.log:"
        tail -n 40 "$logs/$name.log"
    done
    [ -z "${TIMES-}" ] || awk '{printf "%8.2f s  %s\n", $6, $1}' "$logs/all" | sort -rn
    rm -rf "$tests/scratch"
    awk '
        {
            group = $1
            sub(/\..*/, "", group)
            if (!(group in p)) order[++n] = group
            p[group] += $2; f[group] += $3; s[group] += $4; t[group] += $6
            p[""] += $2; f[""] += $3; s[""] += $4; t[""] += $6
        }
        END {
            for (i = 1; i <= n; i++)
                printf "%s: %d passed, %d failed, %d skipped (%.1f s of CPU)\n", order[i],
                    p[order[i]], f[order[i]], s[order[i]], t[order[i]]
            printf "%d passed, %d failed, %d skipped\n", p[""], f[""], s[""]
            exit f[""] > 0 || !n
        }' "$logs/all"
}

case $do in
begin)
    rm -rf "$logs" "$tests/scratch"
    mkdir -p "$logs" "$tests/scratch"
    ;;
part) part "$3" ;;
sum) sum ;;
esac
