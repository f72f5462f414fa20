/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/output.h"

#define COLUMNS 79
#define MARGIN 28 /* where the explanations begin */

void nm_help_range(const nm_option *option, char *out, size_t size)
{
    if (option->max == NM_NO_MAX)
        snprintf(out, size, "%.16g and more", option->min);
    else
        snprintf(out, size, "%.16g to %.16g", option->min, option->max);
}

/*
 * Words from text on, the first at `column`, later lines at `indent`; ends with a newline.  A '\t'
 * is a blank at which no line ends.
 */
static void wrap(const char *text, size_t column, size_t indent)
{
    bool first = true;

    while (*text) {
        size_t n = strcspn(text, " \n");
        if (!first && column + 1 + n > COLUMNS) {
            nm_output_print("\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        if (!first) column++;
        if (!first) nm_output_print(" ");
        for (size_t i = 0; i < n; i++) nm_output_print("%c", text[i] == '\t' ? ' ' : text[i]);
        column += n;
        first = false;
        text += n;
        if (*text == '\n') {
            nm_output_print("\n%*s", text[1] == '\n' ? 0 : (int)indent, "");
            column = indent;
            first = true;
        }
        if (*text) text++;
    }
    nm_output_print("\n");
}

void nm_help_prose(const char *text)
{
    wrap(text, 0, 0);
}

static void print_names(const nm_option *o, char *out, size_t size)
{
    const char *value = o->kind == NM_OPT_FLAG ? "" : o->value;
    const char *blank = *value ? " " : "";

    if (o->kind == NM_OPT_ARG)
        snprintf(out, size, "  %s", value);
    else if (!o->name)
        snprintf(out, size, "  -%c%s%s", o->letter, blank, value);
    else if (o->letter)
        snprintf(out, size, "  -%c, --%s%s%s", o->letter, o->name, blank, value);
    else
        snprintf(out, size, "      --%s%s%s", o->name, blank, value);
}

/* What the table knows besides, unbreakable: " (0 to 1; default 0.95)". */
static void add_facts(const nm_option *o, char *out, size_t size)
{
    char range[80] = "";
    bool is_number = o->kind == NM_OPT_INT || o->kind == NM_OPT_FLOAT;

    if (!is_number && !o->preset) return;
    if (is_number) nm_help_range(o, range, sizeof range);
    snprintf(out, size, "(%s%sdefault %s)", range, is_number ? "; " : "", o->preset);
    for (; *out; out++)
        if (*out == ' ') *out = '\t';
}

static void print_option(const nm_option *o)
{
    char names[80], facts[128] = "", text[512];

    print_names(o, names, sizeof names);
    add_facts(o, facts, sizeof facts);
    snprintf(text, sizeof text, "%s%s%s", o->help, *facts ? " " : "", facts);
    nm_output_print("%s", names);
    size_t n = strlen(names);
    if (n + 2 > MARGIN) {
        nm_output_print("\n");
        n = 0;
    }
    nm_output_print("%*s", (int)(MARGIN - n), "");
    wrap(text, MARGIN, MARGIN);
}

void nm_help_options(const nm_option *options)
{
    static const nm_option help = {'h', "help", NM_OPT_FLAG, 0, NULL, NULL, "this text", 0, 0};

    for (const nm_option *o = options; o->kind != NM_OPT_END; o++) {
        if (o->kind == NM_OPT_GROUP)
            nm_output_print("%s%s:\n", o == options ? "" : "\n", o->help);
        else if (o->help)
            print_option(o);
    }
    print_option(&help);
}
