#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# "To add a thing costs a row": proves the table of src/README.md.  For each of its lines a copy of
# the tree gets a made-up row, and the files that the table allows, and nothing else.  The copy must
# build, and every command concerned must know the new thing.
#
#   check_rows.sh [ROW...]    default: all; a ROW is the name of a function below without "row_"
#
# Takes a minute or two, so it is a step of .ci/run and no part of make check.
set -eu
cd "$(dirname "$0")/.."
passed=0 failed=0 skipped=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
model=$PWD/models/tiny.gguf
mkdir "$scratch/base"
cp -R .ci Makefile src include tests tools "$scratch/base"
ln -s "$PWD/models" "$scratch/base/models"

make_debug() { # TREE TARGET...
    in=$1
    shift
    "${MAKE:-make}" -C "$in" --no-print-directory -j2 MODE=debug "$@" > "$scratch/log" 2>&1
}
make_all() { make_debug "$1" build/obj-debug/nomul build/obj-debug/tests/tests; }

# begin: a fresh, built copy in $tree; its objects are newer than its sources, so that only what a
# row concerns is compiled again.
begin() {
    [ -d "$scratch/base/build" ] || make_all "$scratch/base"
    tree=$scratch/tree
    rm -rf "$tree"
    cp -Rp "$scratch/base" "$tree"
    nomul=$tree/build/obj-debug/nomul
}

# copy_file FROM TO EDIT: the file TO is FROM after this edit of sed.
copy_file() {
    sed "$3" "$tree/$1" > "$tree/$2"
}

# copy_row FILE PATTERN WORD NEW: behind the first line that matches, the same line with WORD
# replaced.
copy_row() {
    awk -v pattern="$2" -v word="$3" -v new="$4" '
        { print }
        !done && $0 ~ pattern { gsub(word, new); print; done = 1 }
        END { exit !done }' "$tree/$1" > "$scratch/edited"
    cp "$scratch/edited" "$tree/$1"
}

build() { make_all "$tree" || { tail -n 20 "$scratch/log" && false; }; }

# says TEXT COMMAND...: the command succeeds and prints TEXT.
says() {
    text=$1
    shift
    (cd "$tree" && "$@") > "$scratch/said" 2>&1 &&
        { [ -z "$text" ] || grep -qF -- "$text" "$scratch/said"; } && return
    echo "$*: no \"$text\" in: $(head -n 5 "$scratch/said")"
    return 1
}

# A command: one file and one row.
row_command() {
    copy_file src/cli/cmd_selftest.c src/cli/cmd_dummy.c \
        's/cmd_selftest/cmd_dummy/; s/"selftest"/"dummy"/; s/selftest_args/dummy_args/'
    copy_row src/cli/commands.def 'NM_COMMAND.selftest.' selftest dummy
    build && says 'dummy' "$nomul" help && says 'Usage: nomul dummy' "$nomul" dummy --help &&
        says 'equal to scalar' "$nomul" dummy && says '' sh tools/check_style.sh &&
        says '' sh tools/check_includes.sh
}

# A kernel variant: its two files and one row.
row_kernels() {
    copy_file src/kernels/ternary_scalar.c src/kernels/ternary_dummy.c s/nm_scalar/nm_dummy/
    copy_file src/kernels/float_scalar.c src/kernels/float_dummy.c s/nm_scalar/nm_dummy/
    copy_row src/kernels/kernels.def '^NM_KERNELS.scalar,' scalar dummy
    hash=$("$nomul" logits -m "$model" --ids 1,2,3 --hash)
    build && says 'dummy ' "$nomul" selftest && says 'equal to scalar' "$nomul" selftest \
        --kernels dummy && says "$hash" "$nomul" logits -m "$model" --ids 1,2,3 --hash \
        --kernels dummy && says 'dummy' "$nomul" bench -m "$model" -p 1 -n 1 -r 1 --quick \
        --kernels dummy && says '| dummy' "$nomul" bench -m "$model" -n 1 --ops --quick \
        --kernels dummy && says ' 0 failed' build/obj-debug/tests/tests kernels ternary float
}

# A tensor or a hyper-parameter: one row.
row_tensor() {
    sh tools/check_plan_rows.sh
}

# A sampler option: one row of NOMUL_SAMPLER_FIELDS, at the first reserved byte of a session file.
# run, batch and -i take it, JSON has it, a session keeps it, and its range is checked.
row_sampler_option() {
    grep -q 'define NOMUL_SAMPLER_FIELDS' "$tree/include/nomul.h" || return 2
    new='    ROW(FLOAT, dummy, 0.0, 0, 9, 448, "dummy", "dummy", "dummy", "", 0, "X", "nothing") \'
    new=$new awk '{ print } /define NOMUL_SAMPLER_FIELDS/ { print ENVIRON["new"] }' \
        "$tree/include/nomul.h" > "$scratch/edited"
    cp "$scratch/edited" "$tree/include/nomul.h"
    build && says '--dummy X' "$nomul" run --help && says '--dummy X' "$nomul" batch --help &&
        says '' "$nomul" run -m "$model" -q -p a -n 1 --dummy 7 --save-session "$scratch/saved" &&
        says '"dummy":7' "$nomul" session "$scratch/saved" --json &&
        says '0 to 9' refused "$nomul" run -m "$model" -q -p a -n 1 --dummy 10 &&
        printf '%s\n' '{"prompt": "a", "dummy": 3}' > "$scratch/line" &&
        says '"finish_reason"' "$nomul" batch -m "$model" -q -n 1 -f "$scratch/line" &&
        printf '/set dummy 5\n/set\n' > "$scratch/lines" &&
        says 'dummy 5' turns
}
refused() { ! "$@"; }
turns() { "$nomul" run -i -m "$model" -q -n 1 < "$scratch/lines"; }

# A packing: one row with both its names, and its kernels, which are an element of each variant's
# table of products.  The dummy has the codes and the kernels of t4.
row_packing() {
    copy_row src/kernels/packings.def '^NM_PACKING.T5,' T5 DUMMY
    sed -i.old '/DUMMY/{
        s/"t5", "1.6bit", 5, true/"t0", "dummy", 4, false/
        s/decode_t5, encode_t5/decode_t4, encode_t4/
    }' "$tree/src/kernels/packings.def"
    for file in "$tree"/src/kernels/ternary_*.[ch]; do
        copy_element "$file" '_ternary\[NM_PACKINGS\] =|#define OPS'
    done
    build && says '2bit|1.6bit|dummy' "$nomul" convert --help &&
        says '' "$nomul" convert -q tests/golden/small -o "$scratch/t4.gguf" &&
        says '' "$nomul" convert -q tests/golden/small -o "$scratch/t0.gguf" --pack dummy &&
        says '' "$nomul" info --check-tensors "$scratch/t0.gguf" &&
        says '"t0"' "$nomul" info --json "$scratch/t0.gguf" && same_results &&
        says '' "$nomul" repack -q "$scratch/t0.gguf" -o "$scratch/back.gguf" --pack 2bit &&
        says '' cmp "$scratch/t4.gguf" "$scratch/back.gguf" &&
        says 'tiny t0' "$nomul" bench --shape tiny --pack dummy -p 1 -n 1 -r 1 --quick &&
        says 'equal to scalar' "$nomul" selftest &&
        says ' 0 failed' build/obj-debug/tests/tests kernels ternary repack convert
}

# copy_element FILE PATTERN: after the table that begins with a line of PATTERN, its element
# [NM_T4], of one or more lines up to [NM_T5], once more as [NM_DUMMY].
copy_element() {
    awk -v pattern="$2" '
        $0 ~ pattern { inside = 1 }
        inside && /\[NM_T4\] = / { copying = 1 }
        inside && /\[NM_T5\] = / {
            sub(/NM_T4/, "NM_DUMMY", element)
            printf "%s", element
            inside = copying = 0
            element = ""
        }
        copying { element = element $0 "\n" }
        { print }' "$1" > "$scratch/edited"
    cp "$scratch/edited" "$1"
}
same_results() {
    for kernels in scalar best; do
        hash=$("$nomul" logits -m "$scratch/t4.gguf" --ids 1,2,3 --hash)
        [ "$kernels" = best ] && set -- || set -- --kernels "$kernels"
        says "$hash" "$nomul" logits -m "$scratch/t0.gguf" --ids 1,2,3 --hash "$@" || return 1
    done
}

# copy_body FILE: the function `add` of FILE once more, as `dummy`.
copy_body() {
    awk '
        { print }
        / add\(float \*y, const float \*x, size_t n\)$/ { copying = 1 }
        copying { body = body $0 "\n" }
        copying && /^}/ {
            copying = 0
            sub(/ add\(/, " dummy(", body)
            printf "\n%s", body
        }' "$tree/$1" > "$scratch/edited"
    cp "$scratch/edited" "$tree/$1"
}

# A float operation: one row of float_ops.def, the scalar body and the body of vectors.
row_float_operation() {
    [ -f "$tree/src/kernels/float_ops.def" ] || return 2
    awk '/^#undef NM_FLOAT_OP/ && !done {
            print "NM_FLOAT_OP(void, dummy, (float *y, const float *x, size_t n), (A, C, n))"
            done = 1
        }
        { print }' "$tree/src/kernels/float_ops.def" > "$scratch/edited"
    cp "$scratch/edited" "$tree/src/kernels/float_ops.def"
    copy_body src/kernels/float_scalar.c
    copy_body src/kernels/float_body.h
    build && says 'equal to scalar' "$nomul" selftest && says '| dummy ' "$nomul" bench \
        -m "$model" -n 1 --ops --quick --kernels scalar &&
        says ' 0 failed' build/obj-debug/tests/tests float
}

# A system: one file, and its name in the first line of os_posix.c.  The dummy is POSIX once more
# under another name, and every compiler says that it is there.  Not the unit tests: some of them
# make calls of os_posix.c fail.
row_system() {
    copy_file src/base/os_posix.c src/base/os_dummy.c \
        's/^#if !defined.*/#if defined(__STDC__)/; s/posix_is_empty/dummy_is_empty/
            s/cgroup_limits/dummy_limits/g; s/group_files/dummy_files/g'
    sed -i.old 's/^#if !defined.*/& \&\& !defined(__STDC__)/' "$tree/src/base/os_posix.c"
    rm "$tree/src/base/os_posix.c.old"
    make_debug "$tree" build/obj-debug/nomul &&
        says 'T nm_os_alloc' nm build/obj-debug/src/base/os_dummy.o &&
        says '"tokens":[' "$nomul" run -m "$model" --json -q -p a -n 3 &&
        says '' sh tools/check_style.sh && says '' sh tools/check_includes.sh &&
        says '' sh tools/check_calls.sh build/obj-debug &&
        says 'cycles of includes and calls together: 0' sh tools/count.sh
}

[ $# -gt 0 ] || set -- system command kernels tensor sampler_option packing float_operation
for row; do
    begin
    code=0
    "row_$row" > "$scratch/words" 2>&1 || code=$?
    case $code in
    0) passed=$((passed + 1)) ;;
    2) echo "SKIP row $row: no check yet" && skipped=$((skipped + 1)) ;;
    *) echo "FAIL row $row: another file has to change" && cat "$scratch/words"
        failed=$((failed + 1)) ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
