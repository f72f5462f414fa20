# SPDX-License-Identifier: Apache-2.0
# The manual page nomul(3) from the public header:
#
#   awk -v version=0.2.0 -v date=2026-11-29 -f tools/man_api.awk include/nomul.h > nomul.3
#
# A line /* ---- Title ---- */ begins a section.  In it a comment at the left margin is text, and
# the declarations after it are quoted as they are.

function quote(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/) text = "\\&" text
    return text
}

# Code is printed when it ends, without empty lines around it.
function end_code() {
    if (code != "") {
        paragraph()
        printf ".nf\n%s.fi\n", code
        fresh = 0
    }
    code = ""
}

# A paragraph begins, unless a section just did.
function paragraph() {
    if (!fresh) print ".PP"
    fresh = 1
}

function comment_line(text) {
    sub(/^ \*( |$)/, "", text)
    if (text == "") {
        paragraph()
        return
    }
    # In the first comment terms stand in eleven columns, and what is indented deeper is a table.
    if (!in_section && match(text, /^[A-Z][A-Za-z]+ +/) && RLENGTH == 11) {
        paragraph()
        print ".B " substr(text, 1, index(text, " ") - 1) "\n.br"
        text = substr(text, 12)
    }
    if (text ~ /^             /) print (in_table++ ? "" : ".nf\n") quote(substr(text, 14))
    else {
        if (in_table) print ".fi"
        in_table = 0
        if (text ~ /^- / && !fresh) print ".br"
        sub(/^ +/, "", text)
        print quote(text)
    }
    fresh = 0
}

BEGIN {
    printf ".TH NOMUL 3 \"%s\" \"nomul %s\" \"Library Functions\"\n", date, version
    print ".SH NAME\nlibnomul \\- inference of MatMul\\-free language models"
    print ".SH SYNOPSIS\n.nf\n.B #include <nomul.h>\n.PP"
    print ".B cc ... $(pkg\\-config \\-\\-cflags \\-\\-libs nomul)\n.fi"
    print ".SH DESCRIPTION"
    fresh = 1
}

NR == 1 { next } # the license
/^#(if|endif|ifndef|ifdef|pragma|include)/ || /^#define NOMUL_H$/ || /^extern "C"/ { next }
/^\/\* ---- .* -+ \*\/$/ {
    end_code()
    sub(/^\/\* ---- /, "")
    sub(/ -+ \*\/$/, "")
    print ".SH \"" toupper($0) "\""
    fresh = in_section = 1
    next
}
/^\/\*$/ { end_code(); paragraph(); in_comment = 1; next }
/^\/\* .* \*\/$/ && code == "" {
    paragraph()
    comment_line(" * " substr($0, 4, length($0) - 6))
    next
}
in_comment && /^ \*\/$/ { if (in_table) print ".fi"; in_table = in_comment = 0; next }
in_comment { comment_line($0); next }
/^}$/ && code == "" { next } # of extern "C"
$0 == "" { end_code(); next }
{ code = code quote($0) "\n" }

END {
    end_code()
    print ".SH SEE ALSO\n.BR nomul (1)"
}
