/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replace.h"

#include "base/error.h"
#include "base/file.h"

bool nm_may_replace(const char *path, const char *model, const char *prompt, nomul_error *err)
{
    if (model && nm_file_same(path, model))
        return nm_fail(err, NOMUL_E_ARG, "%s: is the model", path);
    if (prompt && nm_file_same(path, prompt))
        return nm_fail(err, NOMUL_E_ARG, "%s: is the prompt", path);
    return true;
}
