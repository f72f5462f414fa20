/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kernels_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "nomul.h"

bool nm_kernels_option(const char *command, const char **name)
{
    const char *variable = getenv("NOMUL_KERNELS"), *known = NULL;
    bool        from_variable = !*name && variable && *variable;
    char        all[128] = "";
    size_t      used = 0;

    if (from_variable) *name = variable;
    if (!*name) return true;
    for (size_t i = 0; (known = nomul_kernels_name(i)); i++) {
        if (strcmp(*name, known) == 0) return true;
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? "|" : "", known);
        if (used >= sizeof all) used = sizeof all - 1;
    }
    nm_misused(command, "%s: '%.120s' is not one of %s",
               from_variable ? "$NOMUL_KERNELS" : "--kernels", *name, all);
    return false;
}
