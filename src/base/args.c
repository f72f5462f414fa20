/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies between a struct of the caller and ours, which may be of another version of nomul.h: as
 * many bytes as both have.  Used by every function of the API that takes options or fills a result;
 * args.h says what the rule allows.
 */
#include "base/args.h"

#include <string.h>

static bool check_size(size_t size, size_t our_size, const char *name, const char *hint,
                       nomul_error *err)
{
    if (size >= sizeof size && size <= our_size) return true;
    return nm_fail(err, NOMUL_E_ARG, "%s: size is %zu, expected %zu to %zu: was %s?", name, size,
                   sizeof size, our_size, hint);
}

bool nm_args_options(void *ours, const void *theirs, size_t our_size, nomul_error *err)
{
    size_t size;

    if (!theirs) return true;
    memcpy(&size, theirs, sizeof size);
    if (!check_size(size, our_size, "options", "init called", err)) return false;
    memcpy(ours, theirs, size);
    return true;
}

bool nm_args_fill(void *theirs, const void *ours, size_t our_size, const char *name,
                  nomul_error *err)
{
    size_t size;

    memcpy(&size, theirs, sizeof size);
    if (!check_size(size, our_size, name, "it set", err)) return false;
    memcpy((char *)theirs + sizeof size, (const char *)ours + sizeof size, size - sizeof size);
    return true;
}
