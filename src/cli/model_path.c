/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/model_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/interrupt.h"

#define MODEL "stories-49m.gguf"

enum { PATH_SIZE = 4096 };

/* Where in the executable's folder and beside it the model may lie. */
static const char *const places[] = {"", "../models/", "../share/nomul/"};

/* The folder that `program` was found in by the shell: of $PATH the first that has it. */
static bool folder_from_path(const char *program, char *folder)
{
    const char *at = getenv("PATH");

    while (at) {
        char   candidate[PATH_SIZE];
        size_t n = strcspn(at, ":");
        int    n_folder = (int)(n < PATH_SIZE ? n : PATH_SIZE - 1);
        int    n_all = snprintf(candidate, sizeof candidate, "%.*s/%s", n_folder, at, program);

        if (n > 0 && n_all < PATH_SIZE && access(candidate, X_OK) == 0) {
            snprintf(folder, PATH_SIZE, "%.*s/", n_folder, at);
            return true;
        }
        at = at[n] == ':' ? at + n + 1 : NULL;
    }
    return false;
}

/* The executable's folder with a '/' at its end; "" if it can't be found. */
static void find_folder(const char *argv0, char *folder)
{
    ssize_t     n = readlink("/proc/self/exe", folder, PATH_SIZE - 1);
    const char *slash = NULL;

    folder[n > 0 ? n : 0] = '\0';
    if (n <= 0 && argv0 && strlen(argv0) < PATH_SIZE) strcpy(folder, argv0);
    slash = strrchr(folder, '/');
    if (slash)
        folder[slash - folder + 1] = '\0';
    else if (!argv0 || !folder_from_path(argv0, folder))
        folder[0] = '\0';
}

/* Looks at all places: the first model, or a line that names them all. */
static bool find_default(const char *argv0, char *path)
{
    char folder[PATH_SIZE];

    find_folder(argv0, folder);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int n = snprintf(path, PATH_SIZE, "%s%s" MODEL, folder, places[i]);
        if (n < PATH_SIZE && nm_file_exists(path)) return true;
    }
    fprintf(stderr, "nomul: no model: give -m FILE or set NOMUL_MODEL; looked for");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        fprintf(stderr, "%s %s%s" MODEL, i ? "," : "", folder, places[i]);
    fprintf(stderr, "\n");
    return false;
}

nomul_model *nm_model_open(const char *file, const char *argv0, const nomul_model_options *options,
                           const char **path)
{
    static char found[PATH_SIZE]; /* static: the SIGBUS handler names it */
    const char *variable = getenv("NOMUL_MODEL");
    bool        from_variable = !file && variable && *variable;
    nomul_error err;

    if (from_variable) file = variable;
    if (!file && !find_default(argv0, found)) return NULL;
    *path = file ? file : found;

    nm_interrupt_guard(*path);
    nomul_model *model = nomul_model_open(*path, options, &err);
    if (!model && from_variable) nm_fail_in(&err, "$NOMUL_MODEL");
    if (!model) fprintf(stderr, "nomul: %s\n", err.text);
    return model;
}

const nomul_tokenizer *nm_model_need_tokenizer(const nomul_model *model, const char *path)
{
    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(model);
    nomul_error            err;

    if (tokenizer) return tokenizer;
    nm_fail(&err, NOMUL_E_UNSUPPORTED, "%s: has no tokenizer: it takes ids, see nomul help logits",
            path);
    fprintf(stderr, "nomul: %s\n", err.text);
    return NULL;
}
