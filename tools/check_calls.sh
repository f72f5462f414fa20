#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The walls between the folders of src/ once more, as the linker sees them: check_includes.sh reads
# which headers a file includes, this reads which symbols its object uses.  A prototype written by
# hand or a pointer declared extern passes the first check and not this one.
#
#   check_calls.sh OUT          checks the objects beneath OUT/src, e.g. build/obj-debug
#   check_calls.sh --self-test  checks small made-up symbol tables; each fault must be found
#
# An object may use a symbol of its own folder, of a folder or file that its row in the table of
# check_includes.sh names, and, in cli, train and the files of the API, every nomul_*, wherever that
# is defined.  Files that call each other in a circle are faults, too; data do not count there, as a
# table may name what uses it.
set -eu

# The table of check_includes.sh is the only one.
tools=$(dirname "$0")
walls=$(sed -n "/^walls='/,/^'/p" "$tools/check_includes.sh" | sed "1d;\$d")

# stdin: lines "FILE KIND SYMBOL" of nm; FILE is the path of a source in src, without "src/".
check() {
    awk -v walls="$walls" "$(cat "$tools/cycles.awk")"'
        function room_of(file,    n, part) {
            n = split(file, part, "/")
            return n == 1 ? file : n > 2 ? part[1] "/" part[2] : part[1]
        }
        # Each os_SYSTEM.c implements os.h.
        function stem(file) {
            sub(/\.[a-z]+$/, "", file)
            sub(/^base\/os_.*/, "base/os", file)
            return file
        }
        # A room of a room may use what its parent may.
        function allowed(room, definer,    to, parent) {
            to = room_of(definer)
            if (room ~ /\.c$/ && to ~ /\.c$/) return 1 # the API is one room of several files
            if (room == to || ((room, to) in may) || ((room, stem(definer) ".h") in may)) return 1
            parent = room
            return sub(/\/.*/, "", parent) ? allowed(parent, definer) : 0
        }
        BEGIN {
            n = split(walls, line, "\n")
            for (i = 1; i <= n; i++)
                if (split(line[i], half, ":") == 2) {
                    m = split(half[2], w, " ")
                    for (j = 1; j <= m; j++) may[half[1], w[j]] = 1
                }
        }
        $2 ~ /^[A-TV-Z]$/ { home[$3] = $1; is_code[$3] = $2 == "T" || $2 == "W"; n_symbols++ }
        $2 == "U" { uses[$1, $3] = 1 }
        END {
            for (key in uses) {
                split(key, part, SUBSEP)
                user = part[1]
                symbol = part[2]
                if (!(symbol in home) || home[symbol] == user) continue
                to = home[symbol]
                n_uses++
                if (is_code[symbol]) calls[user, to] = 1
                if (user ~ /^(cli|train|web)\/|^[^\/]*$/ && symbol ~ /^_?nomul_/ && to !~ /^cli\//)
                    continue
                if (allowed(room_of(user), to)) continue
                # A table of a room may name data of its sub-rooms.
                if (!is_code[symbol] && index(to, room_of(user) "/") == 1) continue
                printf "%s: uses %s of %s: %s may not\n", user, symbol, to, room_of(user)
                wrong = 1
            }
            wrong += cycles(calls, "a circle of calls")
            if (!n_symbols) { print "no symbols at all"; wrong = 1 }
            if (!wrong)
                printf "%d symbols, %d uses across files, all inside the walls\n", n_symbols,
                    n_uses
            exit wrong > 0
        }'
}

# nm of the objects whose source is still there, each line with that source.
symbols() {
    find src -name '*.c' | sort | while read -r source; do
        if [ -f "$1/${source%.c}.o" ]; then echo "$1/${source%.c}.o"; fi
    done | tr '\n' '\0' | xargs -0 nm -A | awk -v root="$1/src/" '
        {
            object = $0
            sub(/:.*/, "", object)
            sub(/\.o$/, ".c", object)
            if ($NF ~ /^_?(nm|nomul)_/) print substr(object, length(root) + 1), $(NF - 1), $NF
        }'
}

# expect WORDS LINES: checking these symbols says WORDS; none: it passes.
expect() {
    said=$(printf '%s\n' "$2" | check) && code=0 || code=1
    if [ "$code" = "$([ -n "$1" ] && echo 1 || echo 0)" ] &&
        { [ -z "$1" ] || echo "$said" | grep -qF "$1"; }; then
        passed=$((passed + 1))
    else
        echo "FAIL expected \"$1\", said: $said"
        failed=$((failed + 1))
    fi
}

self_test() {
    passed=0 failed=0
    expect '' 'base/a.c T nm_a
format/b.c U nm_a
format/b.c T nm_b
cli/c.c U nomul_b
tokens/d.c T nomul_b'
    expect 'base/a.c: uses nm_b of format/b.c: base may not' 'base/a.c U nm_b
format/b.c T nm_b'
    expect 'cli/c.c: uses nm_b of format/b.c: cli may not' 'cli/c.c U nm_b
format/b.c D nm_b'
    expect 'tokens/d.c: uses nomul_x of nomul.c: tokens may not' 'tokens/d.c U nomul_x
nomul.c T nomul_x'
    expect 'a circle of calls: ' 'base/a.c T nm_a
base/a.c U nm_b
base/b.c T nm_b
base/b.c U nm_a'
    expect '' 'convert/a.c U nm_ternary_x
kernels/ternary.c T nm_ternary_x'
    expect 'no symbols at all' ''
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ]
}

case ${1-} in
--self-test) self_test ;;
*)
    if ! command -v nm > /dev/null; then
        echo "SKIP calls: there is no nm"
        exit
    fi
    symbols "$1" | check
    ;;
esac
