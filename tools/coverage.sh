#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Line and branch coverage of each folder of src, from what gcc --coverage left beside the objects:
#
#   coverage.sh OUT [FILES]    OUT is the folder of the flavour; with FILES a row for each file, too
#
# A line counts once, wherever it was compiled: bodies that several kernels include are merged.
# Branches are those of gcov: each way out of a condition.  Kernels of other CPUs are not compiled,
# those of newer ones not run.  GCOV= names the program that fits the compiler.
set -eu
out=$(cd "$1" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
find "$out/src" -name '*.gcda' | sort | while read -r data; do
    "${GCOV:-gcov}" -b -t "$data" 2> /dev/null
done > "$scratch/lines"
awk -v files="${2-}" '
    function add(name, what, hit) {
        total[name, what]++
        done[name, what] += hit
        seen[name] = 1
    }
    /^ *-: *0:Source:/ {
        source = $0
        sub(/^ *-: *0:Source:/, "", source)
        sub(/^.*\/src\//, "src/", source)
        branch = 0
        next
    }
    source !~ /^src\// { next }
    /^ *[0-9#=]+\*?: *[0-9]+:/ {
        split($0, part, ":")
        line = part[2] + 0
        branch = 0
        lines[source, line] += part[1] !~ /[#=]/ && part[1] + 0 > 0
        next
    }
    /^ *-: *[0-9]+:/ { branch = 0; next }
    /^branch +[0-9]+/ { branches[source, line, branch++] += $3 == "taken" && $4 + 0 > 0 }
    function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
    function tally(set, what,    key, part) {
        for (key in set) {
            split(key, part, SUBSEP)
            add(folder(part[1]), what, set[key] > 0)
            add("total", what, set[key] > 0)
            if (files != "") add(part[1], what, set[key] > 0)
        }
    }
    function share(name, what) {
        if (!total[name, what]) return "     -"
        return sprintf("%5.1f %%", 100 * done[name, what] / total[name, what])
    }
    END {
        tally(lines, "line")
        tally(branches, "branch")
        for (name in seen)
            printf "%d %-28s %6d %s %8d %s\n", name == "total", name, total[name, "line"],
                share(name, "line"), total[name, "branch"], share(name, "branch")
    }' "$scratch/lines" | sort | sed 's/^[01] //' > "$scratch/table"
printf '%-28s %6s %7s %8s %7s\n' folder lines covered branches covered
cat "$scratch/table"
[ -s "$scratch/table" ]
