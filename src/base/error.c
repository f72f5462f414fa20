/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats a message into the fixed buffer of nomul_error, so that reporting an error needs no
 * memory.  Names from files are made visible on the way (visible.c), and counts of 1 get a
 * singular.  A place that does not fit loses its beginning, so that the cause stays whole.
 */
#include "base/error.h"

#include "base/os.h"
#include "base/visible.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES sizeof((nomul_error *)0)->text

/*
 * Counts are often those of a file, and may be 1: "%zu bytes" then becomes "1 byte".  Number and
 * noun are looked for in the format, not in the text, where "1 bytes" may be the name of a file.
 * What the format gives up to the number has the length at which the number ends in the text:
 *
 *     format  "%s: has %zu bytes, %zu at most"     text  "a.gguf: has 1 bytes, 8 at most"
 *                         ^ c                                          ^ end
 */
static void use_singular(char *text, const char *format, va_list args)
{
    static const char *const plurals[] = {"bytes",      "tokens", "pieces", "tensors", "keys",
                                          "ids",        "layers", "values", "names",   "texts",
                                          "dimensions", "labels", "pairs",  "elements"};
    const size_t             n_plurals = sizeof plurals / sizeof *plurals;
    size_t                   removed = 0;
    char                     part[TEXT_BYTES];
    va_list                  again;

    for (const char *c = format; (c = strchr(c, '%')) != NULL;) {
        c += 1 + strspn(c + 1, "-+ #.*0123456789hljztI"); /* I: Windows has I64u */
        if (*c == '\0' || !strchr("diu", *c++) || *c != ' ') continue;
        size_t n = strspn(c + 1, "abcdefghijklmnopqrstuvwxyz"), i = 0;
        while (i < n_plurals && (strlen(plurals[i]) != n || memcmp(plurals[i], c + 1, n) != 0)) i++;
        if (i == n_plurals || (size_t)(c - format) >= sizeof part) continue;
        snprintf(part, sizeof part, "%.*s", (int)(c - format), format);
        va_copy(again, args);
        size_t end = (size_t)vsnprintf(NULL, 0, part, again) - removed;
        va_end(again);
        if (end + 1 + n > strlen(text)) break; /* cut off there */
        if (text[end - 1] != '1' || (end > 1 && strchr("0123456789", text[end - 2]))) continue;
        memmove(text + end + n, text + end + n + 1, strlen(text + end + n));
        removed++;
    }
}

/*
 * Formats into text[size].  Names and values come from files: the message stays one line of visible
 * characters, whatever they contain.
 */
static size_t print(char *text, size_t size, const char *format, va_list args)
{
    char    raw[TEXT_BYTES];
    va_list again;

    va_copy(again, args);
    vsnprintf(raw, sizeof raw, format, again);
    va_end(again);
    use_singular(raw, format, args);
    return nm_visible(text, size, raw, strlen(raw), false);
}

/* The names are in parentheses because macros of error.h have them, too. */
bool(nm_fail)(nomul_error *err, nomul_status code, const char *format, ...)
{
    if (!err) return false;
    va_list args;
    va_start(args, format);
    print(err->text, sizeof err->text, format, args);
    va_end(args);
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
    warning(context, text);
}

bool(nm_fail_memory)(nomul_error *err, size_t n_bytes)
{
    return nm_fail(err, NOMUL_E_MEMORY, "out of memory: %zu bytes wanted", n_bytes);
}

nomul_status nm_fail_null(nomul_error *err, const char *function)
{
    nm_fail(err, NOMUL_E_ARG, "%s: an argument is NULL", function);
    return NOMUL_E_ARG;
}

bool(nm_fail_errno)(nomul_error *err, nomul_status code, int number)
{
    char words[256];

    if (number == EBADF) return nm_fail(err, code, "is closed, or opened in another mode");
    nm_os_error_text(number, words, sizeof words);
    return nm_fail(err, code, "%s", words);
}
