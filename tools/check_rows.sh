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

make_all() {
    "${MAKE:-make}" -C "$1" --no-print-directory -j2 MODE=debug build/obj-debug/nomul \
        build/obj-debug/tests/tests > "$scratch/log" 2>&1
}

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
    (cd "$tree" && "$@") > "$scratch/said" 2>&1 && grep -qF -- "$text" "$scratch/said" && return
    echo "$*: no \"$text\" in: $(head -n 5 "$scratch/said")"
    return 1
}

# A command: one file and one row.
row_command() {
    copy_file src/cli/cmd_selftest.c src/cli/cmd_dummy.c \
        's/cmd_selftest/cmd_dummy/; s/"selftest"/"dummy"/'
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
    [ -f tools/check_plan_rows.sh ] || return 2
    sh tools/check_plan_rows.sh
}

# A sampler option: one row of the table of sampler fields, and the filter's code.
row_sampler_option() {
    return 2 # to be written once the table is there: run, batch, -i /set, JSON, session file
}

# A packing: one row with both its names, and its kernels.
row_packing() {
    return 2 # to be written: convert, repack, info, bench --pack, selftest
}

# A float operation: one row of float_ops.def, the scalar body and the vector bodies.
row_float_operation() {
    return 2 # to be written: selftest, bench --ops, the unit test float
}

[ $# -gt 0 ] || set -- command kernels tensor sampler_option packing float_operation
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
