/* SPDX-License-Identifier: Apache-2.0 */
/* Formatting into the fixed buffer of nomul_error. */
#include "base/error.h"

#include "base/os.h"
#include "base/visible.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Formats into text[size].  Names and values come from files: the message stays one line of visible
 * characters, whatever they contain.
 */
static size_t print(char *text, size_t size, const char *format, va_list args)
{
    char raw[sizeof((nomul_error *)0)->text];

    vsnprintf(raw, sizeof raw, format, args);
    return nm_visible(text, size, raw, strlen(raw), false);
}

/* Counts are often those of a file, and may be 1: "1 bytes" becomes "1 byte". */
static void use_singular(char *text)
{
    static const char *const plurals[] = {"bytes",  "tokens",     "pieces", "tensors", "keys",
                                          "layers", "dimensions", "values", "names",   "elements"};

    for (char *at = text; (at = strstr(at, "1 ")); at++) {
        if (at > text && strchr("0123456789,.", at[-1])) continue;
        char  *word = at + 2;
        size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz");
        for (size_t i = 0; i < sizeof plurals / sizeof *plurals; i++)
            if (strlen(plurals[i]) == n && memcmp(plurals[i], word, n) == 0)
                memmove(word + n - 1, word + n, strlen(word + n) + 1);
    }
}

/* The names are in parentheses because macros of error.h have them, too. */
bool(nm_fail)(nomul_error *err, nomul_status code, const char *format, ...)
{
    if (!err) return false;
    va_list args;
    va_start(args, format);
    print(err->text, sizeof err->text, format, args);
    va_end(args);
    use_singular(err->text);
    err->code = code;
    return false;
}

bool(nm_fail_in)(nomul_error *err, const char *format, ...)
{
    char place[sizeof err->text];

    if (!err) return false;
    va_list args;
    va_start(args, format);
    size_t n_place = print(place, sizeof place, format, args), n_cause = strlen(err->text);
    va_end(args);
    size_t room = sizeof err->text - 1 - n_cause;
    if (room < 2) return false;
    size_t kept = n_place < room - 2 ? n_place : room - 2;
    memmove(err->text + kept + 2, err->text, n_cause + 1);
    memcpy(err->text, place + n_place - kept, kept);
    memcpy(err->text + kept, ": ", 2);
    return false;
}

void nm_warn(nomul_warning warning, void *context, const char *format, ...)
{
    char    text[sizeof((nomul_error *)0)->text];
    va_list args;

    if (!warning) return;
    va_start(args, format);
    print(text, sizeof text, format, args);
    va_end(args);
    use_singular(text);
    warning(context, text);
}

bool(nm_fail_memory)(nomul_error *err, size_t n_bytes)
{
    return nm_fail(err, NOMUL_E_MEMORY, "out of memory: %zu bytes wanted", n_bytes);
}

bool(nm_fail_errno)(nomul_error *err, nomul_status code, int number)
{
    char words[256];

    nm_os_error_text(number, words, sizeof words);
    return nm_fail(err, code, "%s", words);
}
