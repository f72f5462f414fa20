# SPDX-License-Identifier: Apache-2.0
# What the scripts of this folder share: a folder $work, checks, and what they compare.  CHECK lines
# count; what fails prints a line FAIL.
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() { # NAME COMMAND...
    name=$1 && shift
    if "$@" > "$work/said" 2>&1; then
        passed=$((passed + 1))
    else
        echo "FAIL $name" && sed 's/^/    /' "$work/said" && failed=$((failed + 1))
    fi
}
says() { # EXIT-CODE WORDS COMMAND...: fails with this code and one line with these words
    code=$1 words=$2 && shift 2
    "$@" > "$work/out" 2>&1
    got=$?
    cat "$work/out"
    [ "$got" = "$code" ] && [ "$(wc -l < "$work/out")" = 1 ] && grep -qF -- "$words" "$work/out"
}
# The same training, whatever the time it took: the state but for its clock and its checksum.
same_state() {
    end=$(($(wc -c < "$1/train.state") - 8))
    cmp "$1/model.safetensors" "$2/model.safetensors" && cmp "$1/model.gguf" "$2/model.gguf" &&
        [ "$(wc -c < "$2/train.state")" = $((end + 8)) ] &&
        [ "$(cmp -l "$1/train.state" "$2/train.state" |
            awk -v end=$end '($1 < 97 || $1 > 104) && $1 <= end' | wc -l)" = 0 ]
}
field() { sed -n "s/.*\"$1\":\([^,}]*\).*/\1/p"; }
close_to() { awk -v a="$1" -v b="$2" 'BEGIN {d = a - b; exit !(d < 1e-5 && d > -1e-5)}'; }
