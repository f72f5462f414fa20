#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Counts what the structure of the sources is measured with: lines, comments, functions, includes,
# cycles.
#
#   count.sh [DIR]    counts DIR/src (default: here), a row per folder, then the totals
#
# Definitions.  The sources are formatted by `make format` (100 columns), so a line is a line.
#   files      *.c *.h *.def *.cu of the folder itself; sub-folders have rows of their own
#   lines      all lines
#   code       lines that have something left when comments are taken away
#   comment %  lines with a comment or a part of one, the SPDX line left out, of all lines
#   functions  definitions: a signature that begins in column 1, "{" alone in column 1, "}" in
#              column 1; in the branches of all #if.  Definitions that a macro writes are not seen
#   median, p90  lines of a function between its "{" and its "}"
#   static     functions defined static (or by the macro INLINE, which says it), in *.c and *.h
#   once       those of them whose name occurs exactly once in code beside definition and
#              prototypes: in the own file if that is a .c file, in all of src if it is a header.
#              A name in a table or passed as a callback is an occurrence
#   once %     once of static
# Cycles and edges are between modules: NAME.c and NAME.h of one folder are one module, as are
# os.h and each os_SYSTEM.c, or cuda.h and cuda_none.c.
#   include edges  pairs of different modules, one of which includes the other's header; the
#                  include lines counted beside them are those of cli that name a header of cli
#   call edges     pairs of different modules, one of which names a function that is not static and
#                  is defined in the other.  Names pasted together by a macro are not seen
#   cycles         groups of modules that reach each other along such edges (strongly connected
#                  components of more than one); includes alone, calls alone, both together
set -eu
cycles=$(cat "$(dirname "$0")/cycles.awk")
cd "${1-.}"
find src -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.cu' | sort |
    tr '\n' '\0' | LC_ALL=C xargs -0 awk "$cycles"'
    # Takes the comments and the contents of strings out of the line; sets has_comment.
    function code_of(line,    out, at, token) {
        out = ""
        has_comment = in_comment
        while (line != "") {
            if (in_comment) {
                at = index(line, "*/")
                if (!at) return out
                line = substr(line, at + 2)
                in_comment = 0
            }
            if (!match(line, /\/\*|\/\/|"|\047/)) return out line
            token = substr(line, RSTART, RLENGTH)
            out = out substr(line, 1, RSTART - 1)
            line = substr(line, RSTART + RLENGTH)
            if (token == "/*" || token == "//") {
                has_comment = 1
                if (token == "//") return out
                in_comment = 1
                out = out " "
            } else {
                out = out token token
                if (token == "\"") match(line, /^([^"\\]|\\.)*"/)
                else match(line, /^([^\047\\]|\\.)*\047/)
                line = RLENGTH < 0 ? "" : substr(line, RLENGTH + 1)
            }
        }
        return out
    }
    function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }
    # One interface for several systems (os.h, os_SYSTEM.c; cuda.h, cuda_none.c) is one module.
    function module_of(path) {
        sub(/\.[a-z]+$/, "", path)
        sub(/\/os_[a-z0-9]+$/, "/os", path)
        sub(/_none$/, "", path)
        return path
    }
    # The name before the first "(" that is not an attribute or an assembler name.
    function name_of(signature) {
        gsub(/__attribute__ *\(\([^)]*\)\)|__attribute__ *\(\([^)]*\)[^)]*\)\)/, "", signature)
        sub(/^bool\(/, "bool ", signature) # bool(nm_fail)(...): kept from a macro of this name
        sub(/\)\(/, "(", signature)
        if (!match(signature, /[A-Za-z_][A-Za-z_0-9]* *\(/)) return ""
        signature = substr(signature, RSTART, RLENGTH - 1)
        sub(/ *$/, "", signature)
        return signature
    }
    function define_function() {
        name = name_of(head)
        if (name == "") return
        n_functions++
        f_name[n_functions] = name
        f_file[n_functions] = FILENAME
        f_static[n_functions] = head ~ /(^| )(static|INLINE) /
        mentions[FILENAME, name]-- # this one
        open = n_functions
    }
    FNR == 1 {
        in_comment = 0
        open = 0
        head = ""
        path[++n_paths] = FILENAME
        folder = folder_of(FILENAME)
        if (!(folder in files)) folders[++n_folders] = folder
        files[folder]++
        module_seen[module_of(FILENAME)] = 1
    }
    {
        code = code_of($0)
        lines[folder]++
        if (has_comment && !(FNR == 1 && /SPDX/)) comments[folder]++
        if (code ~ /[^ \t]/) codes[folder]++

        if (code ~ /^[ \t]*#[ \t]*include[ \t]*"/) {
            match($0, /"[^"]*"/)
            includes[++n_includes] = FILENAME SUBSEP substr($0, RSTART + 1, RLENGTH - 2)
        }
        n_words = split(code, word, /[^A-Za-z_0-9]+/)
        for (i = 1; i <= n_words; i++)
            if (word[i] ~ /^[A-Za-z_]/ && length(word[i]) > 1) {
                if (!mentions[FILENAME, word[i]]++ && !((FILENAME, word[i]) in listed)) {
                    listed[FILENAME, word[i]] = 1
                    words_of[FILENAME] = words_of[FILENAME] " " word[i]
                }
            }

        # A head is what stands between column 1 and "{" or ";" outside of functions.
        if (open) {
            if (code ~ /^}/) {
                f_lines[open] = FNR - f_first[open] - 1
                open = 0
            }
        } else if (code ~ /^{/) {
            if (head ~ /\)[ A-Z_]*$/ && head !~ /=/) define_function()
            f_first[open] = FNR
            head = ""
        } else if (code ~ /^[#}]/ || code ~ /^[ \t]*$/) {
            head = ""
        } else if (code ~ /^[A-Za-z_]/ || head != "") {
            if (code ~ /^[A-Za-z_]/ && head !~ /[,(]$/) head = ""
            head = head (head == "" ? "" : " ") code
            sub(/ +$/, "", head)
            if (head ~ /;$/) { # a prototype is no use of the name
                if (head !~ /=/ && head ~ /\(/) {
                    name = name_of(head)
                    if (name != "") mentions[FILENAME, name]--
                }
                head = ""
            }
        }
    }

    # The value at a share of the lengths of one folder ("" for all), which are sorted in place.
    function quantile(which, share,    i, j, n, v, list) {
        n = 0
        for (i = 1; i <= n_functions; i++)
            if (which == "" || folder_of(f_file[i]) == which) by_length[f_lines[i]]++
        for (i = 1; i <= 5000; i++) n += by_length[i]
        j = 0
        for (i = 1; i <= 5000; i++) {
            j += by_length[i]
            delete by_length[i]
            if (n && !list && j >= share * n) { v = i; list = 1 }
        }
        return v + 0
    }
    function row(name, which,    i, n, n_static, n_once) {
        n = n_static = n_once = 0
        for (i = 1; i <= n_functions; i++)
            if (which == "" || folder_of(f_file[i]) == which) {
                n++
                n_static += f_static[i]
                n_once += once[i]
            }
        printf "%-18s %5d %6d %6d %8.1f %6d %6d %4d %6d %5d %6s\n", name, files[which],
            lines[which], codes[which], 100 * comments[which] / lines[which], n,
            quantile(which, 0.5), quantile(which, 0.9), n_static, n_once,
            n_static ? sprintf("%.1f", 100 * n_once / n_static) : "-"
    }
    END {
        for (i = 1; i <= n_functions; i++) {
            file = f_file[i]
            name = f_name[i]
            if (f_static[i] && file ~ /\.c$/) uses = mentions[file, name]
            else if (f_static[i]) {
                uses = 0
                for (j = 1; j <= n_paths; j++)
                    if ((path[j], name) in mentions) uses += mentions[path[j], name]
            } else {
                uses = 0
                home[name] = module_of(file) # two homes: kernels of different CPUs, in tables only
            }
            once[i] = f_static[i] && uses == 1
        }
        for (i = 1; i <= n_includes; i++) {
            split(includes[i], part, SUBSEP)
            from = module_of(part[1])
            to = "src/" module_of(part[2])
            if (from ~ /^src\/cli\// && to ~ /^src\/cli\//) n_cli_includes++
            if (part[2] == "nomul.h" || part[2] == "nomul_bench.h") continue # of include/
            if (!(to in module_seen) || from == to || (from, to) in include_edges) continue
            include_edges[from, to] = all_edges[from, to] = 1
            n_include_edges++
            if (from ~ /^src\/cli\// && to ~ /^src\/cli\//) n_cli_edges++
        }
        for (i = 1; i <= n_paths; i++) {
            from = module_of(path[i])
            n = split(words_of[path[i]], word, " ")
            for (j = 1; j <= n; j++)
                if ((word[j] in home) && mentions[path[i], word[j]] > 0) {
                    to = home[word[j]]
                    if (to != from && !((from, to) in call_edges)) {
                        call_edges[from, to] = all_edges[from, to] = 1
                        n_call_edges++
                        if (from ~ /^src\/cli\// && to ~ /^src\/cli\//) n_cli_calls++
                    }
                }
        }
        printf "%-18s %5s %6s %6s %8s %6s %6s %4s %6s %5s %6s\n", "folder", "files", "lines",
            "code", "comment%", "funcs", "median", "p90", "static", "once", "once%"
        for (i = 1; i <= n_folders; i++) {
            row(folders[i], folders[i])
            split("files lines codes comments", part, " ")
            top = folders[i] ~ /^src\/cli(\/|$)/ ? "cli" : ""
            files[""] += files[folders[i]]
            lines[""] += lines[folders[i]]
            codes[""] += codes[folders[i]]
            comments[""] += comments[folders[i]]
            if (top == "cli") {
                cli_files += files[folders[i]]
                cli_lines += lines[folders[i]]
            }
        }
        row("all of src", "")
        printf "cli with its sub-folders: %d files, %d lines\n", cli_files, cli_lines
        printf "include edges: %d, inside cli: %d (by %d include lines)\n", n_include_edges,
            n_cli_edges, n_cli_includes
        printf "call edges: %d, inside cli: %d\n", n_call_edges, n_cli_calls
        n = cycles(include_edges, "  include cycle")
        printf "include cycles: %d\n", n
        n = cycles(call_edges, "  call cycle")
        printf "call cycles: %d\n", n
        n = cycles(all_edges, "  cycle of either")
        printf "cycles of includes and calls together: %d\n", n
    }'
