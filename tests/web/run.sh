#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The WebAssembly build against the command line: the same logits, stories and session files.  What
# runs it (node, wasmtime, browsers) is skipped and counted where it is missing.
#
#   run.sh WEB NOMUL      WEB: build/web; NOMUL: the program
set -u
web=$1 nomul=$2
tests=$(dirname "$0")
passed=0 failed=0 skipped=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

skip() {
    echo "SKIP $1"
    skipped=$((skipped + 1))
}

# is NAME EXPECTED FOUND
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
        failed=$((failed + 1))
    fi
}

# What the command line says, beside which everything is held.
model=$web/model.gguf
prompt="Once upon a time"
hash=$("$nomul" logits -m "$model" -p "$prompt" --hash)
story=$("$nomul" run -m "$model" -p "$prompt" -n 60 -s 6 -q --no-display-prompt)
first=$("$nomul" run -m "$model" -p "$prompt" -n 12 -s 3 --save-session "$scratch/cli.nms" -q)
bytes=$(($(wc -c < "$scratch/cli.nms")))
continued=$("$nomul" run -m "$model" --load-session "$scratch/cli.nms" -n 12 -q)

"$nomul" repack "$model" -o "$scratch/t5.gguf" --pack 1.6bit -q

size=$(wc -c < "$web/nomul.wasm")
is "less than 300 KB" yes "$([ "$size" -lt 300000 ] && echo yes || echo "$size bytes")"

# WebAssembly has no address arithmetic but i32.mul: this looks for products of vectors.
if command -v llvm-objdump > /dev/null; then
    is "no multiplication of vectors in the ternary kernels" "" "$(
        llvm-objdump -d "$web"/../obj-web/src/kernels/ternary_[tw]*.o |
            grep -E '(x16|x8|x4|x2)\.[a-z0-9_]*(mul|dot)')"
else
    skip "multiplications in the module: there is no llvm-objdump"
fi

# of NAME: its value in the output of node.mjs, the N-th of that name.
of() {
    sed -n "s/^$1: //p" "$scratch/node" | sed -n "${2-1}p" | node -e '
        process.stdout.write(String(JSON.parse(require("fs").readFileSync(0, "utf8"))))'
}

if command -v node > /dev/null; then
    if node "$tests/node.mjs" "$web" "$scratch/cli.nms" "$scratch/page.nms" \
        "$scratch/t5.gguf" > "$scratch/node"; then
        is "node: kernels" simd128 "$(of kernels 2)"
        is "node: hash, scalar kernels" "$hash" "$(of hash 1)"
        is "node: hash, the best kernels" "$hash" "$(of hash 2)"
        is "node: hash, the other packing" "$hash" "$(of 'packing t5')"
        is "node: every operation equals scalar" true "$(of 'results compared')"
        is "node: story" "$story" "$(of story)$(of rest)"
        is "node: undo" true "$(of 'undone and again')"
        is "node: another continuation" true "$(of 'another one')"
        is "node: the end of a loaded text" "$(printf '%s' "$first" | tail -c 12)" "$(of tail)"
        is "node: a session of the program" "$continued" "$(of continued)"
        is "the program: a session of the page" "$(of rest)" \
            "$("$nomul" run -m "$model" --load-session "$scratch/page.nms" -n 20 -q)"
        is "node: a damaged session" \
            "session.nms: is truncated: has 1000 bytes, expected $bytes" \
            "$(of 'damaged session')"
        is "node: too large" "This model needs 2148 MB of memory, more than the browser gives:\
 close other tabs, or choose a smaller model." "$(of 'too large')"
        is "node: a foreign file" "not a GGUF file: begins with 'hell'" "$(of 'foreign model')"
    else
        is "node" 0 "$?"
    fi
else
    skip "the module under node: there is no node"
fi

if python3 -c 'import wasmtime' 2> /dev/null; then
    is "wasmtime: hash" "$hash" "$(python3 "$tests/under_wasmtime.py" "$web" "$prompt")"
else
    skip "the module under wasmtime: python3 -m pip install wasmtime"
fi

# The page in browsers; its last line has its sum.
if command -v python3 > /dev/null; then
    python3 "$tests/page.py" "$web" "$nomul" > "$scratch/page"
    sed '$d' "$scratch/page"
    sum=$(tail -n 1 "$scratch/page")
    case $sum in
    *" passed, "*" failed, "*" skipped")
        # shellcheck disable=SC2086 # three numbers and their words
        set -- $sum
        passed=$((passed + $1)) failed=$((failed + $3)) skipped=$((skipped + $5))
        ;;
    *) is "the page in browsers" "a sum" "$sum" ;;
    esac
else
    skip "the page in browsers: there is no python3"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
