# SPDX-License-Identifier: Apache-2.0
# The manual page nomul(1) from `nomul help --tables`:
#
#   nomul help --tables | awk -v version=0.2.0 -v date=2026-11-29 -f tools/man.awk > nomul.1
#
# A section for each command; all that is said comes from the tables of options, as the help does.

# roff's own characters: the backslash, the hyphen, and a dot or quote at the beginning of a line.
function quote(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/) text = "\\&" text
    return text
}

# Prose, in which "\n" ends a line and two of them a paragraph.
function prose(text, lines, n, i) {
    n = split(text, lines, /\\n/)
    for (i = 1; i <= n; i++) {
        if (lines[i] == "") print ".PP"
        else {
            if (i > 1 && lines[i - 1] != "") print ".br" # a line of its own
            print quote(lines[i])
        }
    }
}

BEGIN {
    FS = "\t"
    printf ".TH NOMUL 1 \"%s\" \"nomul %s\" \"User Commands\"\n", date, version
    print ".SH NAME"
    print "nomul \\- run MatMul\\-free language models"
    print ".SH SYNOPSIS\n.B nomul\n.I COMMAND\n.RI [ options ]"
    print ".SH DESCRIPTION"
    print "Results go to standard output, everything else to standard error."
    print "The model is the file that \\fB\\-m\\fR names, else the one in \\fBNOMUL_MODEL\\fR, else"
    print "the one that is installed with the program."
}

# Sections are collected: synopsis and arguments come before the prose, which is in the first row.
function end_command() {
    if (command == "") return
    printf ".SH %s\n.B nomul %s\n%s.RI [ options ]\n.PP\n", toupper(command), command, arguments
    print quote(toupper(substr(summary, 1, 1)) substr(summary, 2)) "."
    print ".PP"
    prose(details)
    printf "%s", rows
}

$1 == "command" {
    end_command()
    command = $2; summary = $3; details = $4
    arguments = rows = ""
    next
}
$1 == "group" {
    rows = rows ".SS \"" quote($6) "\"\n"
    next
}
{
    name = ($2 == "-" ? "" : "\\fB\\-" $2 "\\fR") ($2 == "-" || $3 == "-" ? "" : ", ") \
        ($3 == "-" ? "" : "\\fB\\-\\-" quote($3) "\\fR")
    value = $1 == "flag" || $4 == "-" ? "" : "\\fI" quote($4) "\\fR"
    if ($1 == "argument") arguments = arguments ".I " quote($4) "\n"
    rows = rows ".TP\n" name (name == "" || value == "" ? "" : " ") value "\n"
    rows = rows quote($6) ($5 == "-" ? "" : " " quote($5)) "\n"
}

END {
    end_command()
    print ".SH ENVIRONMENT"
    print ".TP\n.B NOMUL_MODEL\nThe model file of commands without \\fB\\-m\\fR."
    print ".TP\n.B NOMUL_KERNELS\nThe instruction set of commands without \\fB\\-\\-kernels\\fR."
    print ".TP\n.B NOMUL_HISTORY\nThe file of the lines typed in \\fBnomul run \\-i\\fR; empty: none."
    print ".TP\n.B NO_COLOR\nIf not empty, no colors unless \\fB\\-\\-color\\fR asks for them."
    print ".SH EXIT STATUS"
    print "0 success, 1 failure, 2 wrong usage, 3 a batch with invalid lines, 130 stopped by Ctrl\\-C."
    print ".SH SEE ALSO\n.BR nomul (3)"
}
