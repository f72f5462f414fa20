#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What can be checked of the style without clang-format, and that nothing goes untested.
#
#   check_style.sh [DIR]        checks the tree DIR (default: here)
#   check_style.sh --self-test  plants offences in a small tree; each must be found
set -eu

# Modules that another file's tests exercise: module, then the test.  All of kernels/ is tested by
# test_kernels.c; commands and what only they use by running the program, in tests/cli/.
elsewhere='
arena base
error base
pool base
rng base
xxh64 base
nomul api
nomul_session api
nomul_bench bench
nomul_text api
clock base
candidates sampler
logprobs sampler
text_object rewind
text_step cancel
text_mark mark
bitlinear agreement
engine agreement
forward agreement
layer agreement
session agreement
config weights
hf_pieces hf_tokenizer
tensors weights
verify weights
model_writer convert
decoding bench
synthetic bench
selftest bench
speeds bench
sampling bench
profile bench
'

# Everything that is written by hand, without the names of what is built or generated.
sources() {
    (cd "$1" && find src include tests tools .ci -type f \
        \( -name '*.[ch]' -o -name '*.def' -o -name '*.sh' -o -name '*.py' -o -name '*.js' \
        -o -name '*.mjs' -o -name '*.v' -o -name '*.vh' -o -name '*.cpp' -o -path .ci/run \) | sort)
}

check_text() {
    sources "$1" | (cd "$1" && tr '\n' '\0' | LC_ALL=C xargs -0 awk '
        function bad(why) { printf "%s:%d: %s\n", FILENAME, FNR, why; wrong = 1 }
        function end_file() {
            if (last_blank) { printf "%s: ends with a blank line\n", last; wrong = 1 }
            if (is_c && n > 900) { printf "%s: %d lines, 900 are allowed\n", last, n; wrong = 1 }
        }
        # Characters, not bytes: continuation bytes of UTF-8 do not count.
        function width(line) { gsub(/[\200-\277]/, "", line); return length(line) }
        FNR == 1 {
            end_file()
            last = FILENAME
            is_c = FILENAME ~ /\.([ch]|def)$/
            spdx = "SPDX-License-Identifier: Apache-2.0"
            spdx = is_c ? "/* " spdx " */" : (FILENAME ~ /(js|\.vh?|\.cpp)$/ ? "// " : "# ") spdx
        }
        FNR == 1 && FILENAME ~ /^tests\/cli\// && $0 !~ /^#!/ { next } # a case: what a user types
        FNR == 1 && $0 !~ /^#!/ && $0 != spdx { bad("line 1 is not the SPDX line") }
        FNR == 2 && first_is_shebang && $0 != spdx { bad("line 2 is not the SPDX line") }
        { first_is_shebang = FNR == 1 && /^#!/; n = FNR; last_blank = $0 == "" }
        /\t/ { bad("a tab") }
        /[ \r]$/ { bad("blanks at the end") }
        width($0) > 100 { bad(width($0) " columns, 100 are allowed") }
        FILENAME ~ /^(src|include)\// && /(^|[^A-Z])(TODO|FIXME)/ && !/(TODO|FIXME) *\(?#[0-9]+/ {
            bad("a TODO without the number of an issue")
        }
        FILENAME ~ /^(src|include)\// && /["\/ ]\/(work|tmp|home)\// {
            bad("a path of one machine")
        }
        END { end_file(); exit wrong }')
}

# tests/alloc.c takes the place of src/base/alloc.c when tests are linked: one name on purpose.
# A type is named once, also where files keep it to themselves.
check_names() {
    wrong_types=0
    (cd "$1" && find src include -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' |
        tr '\n' '\0' | LC_ALL=C xargs -0 awk '
        /^typedef (struct|enum|union) [a-z_0-9]+/ || /^} [a-z_0-9]+;/ {
            name = /^}/ ? $2 : $3
            sub(/;/, "", name)
            if (name in at && at[name] != FILENAME) {
                print FILENAME ": type " name " is one of " at[name] ", too"
                wrong = 1
            }
            at[name] = FILENAME
        }
        END { exit wrong }') || wrong_types=1
    (cd "$1" && find src include tests -name '*.[ch]' ! -path 'tests/alloc.[ch]') |
        sed 's|.*/||' | sort | uniq -d |
        awk '{print $0 ": two files have this name"} END {exit NR > 0}' && [ $wrong_types = 0 ]
}

# A module is a .c file of src/.
check_modules() {
    (cd "$1" && find src tests -name '*.c' -o -name run.sh | sort | awk -v elsewhere="$elsewhere" '
        function bad(why) { print why; wrong = 1 }
        function test_of(source,    module) {
            if (match(source, /^src\/(cli|web)\//))
                return "tests/" substr(source, 5, RLENGTH - 4) "run.sh"
            if (source ~ /^src\/train\//) return "tests/train/train_tests.c"
            if (source ~ /^src\/rtl\//) return "tests/rtl/run.sh"
            module = source ~ /^src\/kernels\// ? "kernels" : source
            gsub(/.*\/|\.c$/, "", module)
            if (source ~ /^src\/base\/os_/) module = "os" # a system
            return "tests/test_" (module in other ? other[module] : module) ".c"
        }
        BEGIN {
            n = split(elsewhere, line, "\n")
            for (i = 1; i <= n; i++)
                if (split(line[i], w, " ") == 2) other[w[1]] = w[2]
            while ((getline row < "tests/tests.def") > 0)
                if (row ~ /^[A-Z_]*\(.*\)/) {
                    gsub(/^[A-Z_]*\(|\).*/, "", row)
                    rows["tests/test_" row ".c"]
                }
        }
        { exists[$0] }
        /^src\// { sources[++n_sources] = $0 }
        /^tests\/test_[^\/]*\.c$/ && !($0 in rows) { bad($0 ": no row in tests/tests.def") }
        END {
            for (i = 1; i <= n_sources; i++) {
                test = test_of(sources[i])
                if (!(test in exists)) bad(sources[i] ": no test: " test " is missing")
            }
            exit wrong
        }')
}

check() {
    wrong=0
    check_text "$1" || wrong=1
    check_names "$1" || wrong=1
    check_modules "$1" || wrong=1
    [ "$wrong" = 1 ] || echo "$(sources "$1" | awk 'END {print NR}') files, nothing to say"
    return "$wrong"
}

# plant FILE TEXT WORDS: with TEXT at the end of FILE the check must say WORDS.
plant() {
    mkdir -p "$(dirname "$scratch/tree/$1")"
    printf "$2\n" >> "$scratch/tree/$1"
    [ -z "$3" ] || echo "$3" >> "$scratch/words"
}

self_test() {
    passed=0 failed=0
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    spdx='/* SPDX-License-Identifier: Apache-2.0 */'
    mkdir -p "$scratch/tree/src/base" "$scratch/tree/include" "$scratch/tree/tests" \
        "$scratch/tree/tools" "$scratch/tree/.ci"
    echo "$spdx" > "$scratch/tree/src/base/one.c"
    cp "$scratch/tree/src/base/one.c" "$scratch/tree/src/base/one.h"
    printf '%s\n' "$spdx" '#include "base/one.h"' > "$scratch/tree/tests/test_one.c"
    printf '%s\n' "$spdx" 'TEST(one)' > "$scratch/tree/tests/tests.def"
    if check "$scratch/tree"; then passed=1; else failed=1; fi

    # Each in a file of its own, all in one tree.
    plant src/base/spdx.h 'int a;' 'src/base/spdx.h:1: line 1 is not the SPDX line'
    plant tools/two.sh '#!/bin/sh\nls' 'tools/two.sh:2: line 2 is not the SPDX line'
    plant src/base/tab.h "$spdx\nint\ta;" 'src/base/tab.h:2: a tab'
    plant src/base/blanks.h "$spdx\nint a; " 'src/base/blanks.h:2: blanks at the end'
    plant src/base/end.h "$spdx\n" 'src/base/end.h: ends with a blank line'
    plant src/base/wide.h "$spdx\n$(printf '%0101d' 0)" \
        'src/base/wide.h:2: 101 columns, 100 are allowed'
    plant src/base/long.h "$spdx\n$(awk 'BEGIN {for (i = 0; i < 900; i++) print ";"}')" \
        'src/base/long.h: 901 lines, 900 are allowed'
    plant src/base/todo.h "$spdx\n/* TODO: more */" 'src/base/todo.h:2: a TODO without'
    plant src/base/path.h "$spdx\nchar *p = \"/tmp/a\";" \
        'src/base/path.h:2: a path of one machine'
    plant src/base/first.h "$spdx\ntypedef struct same {\n    int a;\n} same;" ''
    plant src/base/second.h "$spdx\ntypedef int (*f)(void);\ntypedef enum same { A } same;" \
        'type same is one of src/base/'
    plant tests/one.c "$spdx" 'one.c: two files have this name'
    plant src/base/two.c "$spdx" 'src/base/two.c: no test: tests/test_two.c is missing'
    plant tests/test_three.c "$spdx" 'tests/test_three.c: no row in tests/tests.def'
    plant tests/tests.def '' 'tests/tests.def: ends with a blank line'
    if check "$scratch/tree" > "$scratch/log"; then failed=$((failed + 1)); fi
    while IFS= read -r words; do
        if grep -qF "$words" "$scratch/log"; then
            passed=$((passed + 1))
        else
            echo "FAIL not found: $words"
            failed=$((failed + 1))
        fi
    done < "$scratch/words"
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ]
}

case ${1-} in
--self-test) self_test ;;
*) check "${1-.}" ;;
esac
