/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling the caller's error.  A function that can fail returns bool, or a pointer, and fills the
 * error if that is false or NULL.  The functions here return false themselves, so that a failure is
 * one statement:
 *
 *     if (n > most) return nm_fail(err, NOMUL_E_FORMAT, "n: is %u, expected up to %u", n, most);
 *
 * The innermost function says what was found and what was expected; on the way out whoever knows
 * the place puts it in front (nm_fail_in): "model.gguf: tensor output.scale: is 0, expected ...".
 */
#ifndef NM_ERROR_H
#define NM_ERROR_H

#include "nomul.h"

#if defined(__GNUC__)
#define NM_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define NM_PRINTF(at, first)
#endif

/* Tells the caller's function, which may be NULL.  Control bytes become '?'. */
void nm_warn(nomul_warning warning, void *context, const char *format, ...) NM_PRINTF(3, 4);

/*
 * Fills *err, which may be NULL, and returns false.  What a terminal would obey becomes visible
 * (base/visible.h).  "%zu bytes" of a format, or tokens and the like, is "1 byte" where it is one.
 */
bool nm_fail(nomul_error *err, nomul_status code, const char *format, ...) NM_PRINTF(3, 4);

/*
 * Prefixes the error with a place: "place: text".  If both do not fit, the start of the place is
 * cut off and the text stays whole.  Returns false.
 */
bool nm_fail_in(nomul_error *err, const char *format, ...) NM_PRINTF(2, 3);

bool nm_fail_memory(nomul_error *err, size_t n_bytes);

/*
 * The caller's error, or where it has none ours, which lives to the end of the function: for
 * functions that return err->code or add to its text.  Only what is read of it is initialized.
 */
static inline nomul_error *nm_error_or(nomul_error *err, nomul_error *own)
{
    if (err) return err;
    own->code = NOMUL_OK;
    own->text[0] = '\0';
    return own;
}

/* The caller's mistake of any function of the API: "FUNCTION: an argument is NULL"; NOMUL_E_ARG. */
nomul_status nm_fail_null(nomul_error *err, const char *function);

/* The system's text for errno. */
bool nm_fail_errno(nomul_error *err, nomul_status code, int number);

/*
 * Compilers and analyzers do not look into these functions, and would warn of results that are not
 * set when one of them returned true (gcc -O3 -flto; make analyze): here they see that none does.
 */
static inline bool nm_is_false(bool failed)
{
    (void)failed;
    return false;
}

#define nm_fail(...) nm_is_false(nm_fail(__VA_ARGS__))
#define nm_fail_in(...) nm_is_false(nm_fail_in(__VA_ARGS__))
#define nm_fail_memory(...) nm_is_false(nm_fail_memory(__VA_ARGS__))
#define nm_fail_errno(...) nm_is_false(nm_fail_errno(__VA_ARGS__))

#endif
