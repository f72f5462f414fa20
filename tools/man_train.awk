# SPDX-License-Identifier: Apache-2.0
# The manual page nomul-train(1) from what the program says of itself, which has the options from
# their table:
#
#   nomul-train --help | awk -v version=0.2.0 -v date=2026-11-29 -f tools/man_train.awk > nomul-train.1
#
# The first line is the name and what it does, then there is a line for each command, indented by
# two, then prose; of a line that is indented and has a word with -- the rest is an option's text.

# roff's own characters: the backslash, the hyphen, and a dot or quote at the beginning of a line.
function quote(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/) text = "\\&" text
    return text
}

NR == 1 {
    sub(/^[^:]*: */, "")
    printf ".TH NOMUL-TRAIN 1 %s \"nomul %s\" \"User Commands\"\n", date, version
    print ".SH NAME\nnomul\\-train \\- " quote($0) "\n.SH SYNOPSIS\n.nf"
    next
}
/^  nomul-train / {
    sub(/^ */, "")
    print "\\fB" quote($1 " " $2) "\\fR" quote(substr($0, length($1 " " $2) + 1))
    next
}
/^ +(-., )?--[a-z]/ && match($0, /--[a-z0-9-]+( [^ ]+)?  +|--[a-z0-9-]+ [^ ]+ /) {
    names = substr($0, 1, RSTART + RLENGTH - 1)
    gsub(/^ +| +$/, "", names)
    value = names ~ / [^ -][^ ]*$/ ? names : ""
    sub(/.* /, "", value)
    if (value != "") names = substr(names, 1, length(names) - length(value) - 1)
    if (section != "OPTIONS") print ".SH " (section = "OPTIONS")
    print ".TP\n\\fB" quote(names) "\\fR" (value == "" ? "" : " \\fI" quote(value) "\\fR")
    print quote(substr($0, RSTART + RLENGTH))
    next
}
NF {
    if (section == "") print ".fi\n.SH " (section = "DESCRIPTION")
    print quote($0)
}

END {
    print ".SH EXIT STATUS"
    print "0 success, 1 failure, 2 wrong usage, 130 stopped by Ctrl\\-C."
    print ".SH SEE ALSO\n.BR nomul (1)"
}
