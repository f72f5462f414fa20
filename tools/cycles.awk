# SPDX-License-Identifier: Apache-2.0
# Cycles of a directed graph, for awk programs that have this file in front of their own text, as
# POSIX awk takes no -f beside a text: "$(cat cycles.awk)"'...'.

# edges: keys (from, to).  Prints a line "WHAT: a <-> b" for each group of nodes that reach each
# other, names without "src/", and returns how many groups there are.
function cycles(edges, what,    n, i, j, k, list, reach, seen, count, text, key, part) {
    n = 0
    for (key in edges) {
        split(key, part, SUBSEP)
        for (i = 1; i <= 2; i++)
            if (!(part[i] in seen)) { seen[part[i]] = ++n; list[n] = part[i] }
        reach[seen[part[1]], seen[part[2]]] = 1
    }
    for (k = 1; k <= n; k++)
        for (i = 1; i <= n; i++)
            if ((i, k) in reach)
                for (j = 1; j <= n; j++)
                    if ((k, j) in reach) reach[i, j] = 1
    for (i = 1; i <= n; i++) sub(/^src\//, "", list[i])
    count = 0
    for (i = 1; i <= n; i++) {
        if (!((i, i) in reach)) continue
        text = list[i]
        for (j = 1; j <= n; j++)
            if (j != i && ((i, j) in reach) && ((j, i) in reach)) {
                text = text " <-> " list[j]
                delete reach[j, j]
            }
        count++
        print what ": " text
    }
    return count
}
