/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file is opened depends on -m, on two environment variables and on where the program was
 * installed.  All of that is the program's business: the library gets a path and the name of the
 * kernels.
 */
#include "cli/open.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/os.h"

char               nm_pack_words[64];
static const char *program; /* argv[0] */

/* "a|b|c": all names that a function of the library counts up, cut to size bytes. */
static void list_names(const char *(*name_of)(size_t index), char *out, size_t size)
{
    const char *name;

    out[0] = '\0';
    for (size_t i = 0, n = 0; (name = name_of(i)) != NULL; i++, n = strlen(out))
        snprintf(out + n, size - n, "%s%s", i ? "|" : "", name);
}

void nm_open_init(const char *argv0)
{
    program = argv0;
    list_names(nomul_packing_option, nm_pack_words, sizeof nm_pack_words);
}

/* ---- Which kernels --------------------------------------------------------------------------- */

int nm_open_kernels(const char **name)
{
    const char *variable = nm_os_environment("NOMUL_KERNELS"), *known = NULL;
    bool        from_variable = !*name && variable && *variable;
    char        all[128];

    if (from_variable) *name = variable;
    if (!*name) return NM_EXIT_DONE;
    for (size_t i = 0; (known = nomul_kernels_name(i)); i++)
        if (strcmp(*name, known) == 0) return NM_EXIT_DONE;
    list_names(nomul_kernels_name, all, sizeof all);
    return nm_output_misused("%s: '%.120s' is not one of %s",
                             from_variable ? "$NOMUL_KERNELS" : "--kernels", *name, all);
}

/* ---- Which model ----------------------------------------------------------------------------- */

#define MODEL "stories-77m.gguf"

/* Where to look, from the executable's folder. */
static const char *const places[] = {"", "../models/", "../share/nomul/"};

#define LOOKED (3 * (NM_OS_PATH + 2)) /* bytes for all of their names */

/*
 * The value of -m, of $NOMUL_MODEL, or the first model in the places, whose path is written to
 * `found`; NULL: none, and `looked` lists the places.
 */
static const char *choose_model(const char *given, char found[NM_OS_PATH], char looked[LOOKED])
{
    const char *variable = nm_os_environment("NOMUL_MODEL");
    char        folder[NM_OS_PATH];
    size_t      used = 0;

    if (given) return given;
    if (variable && *variable) return variable;
    nm_os_program_folder(program, folder);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int n = snprintf(found, NM_OS_PATH, "%s%s" MODEL, folder, places[i]);
        if (n < NM_OS_PATH && nm_file_exists(found)) return found;
        used += (size_t)snprintf(looked + used, LOOKED - used, "%s %s", i ? "," : "", found);
    }
    return NULL;
}

/* ---- Opening --------------------------------------------------------------------------------- */

int nm_open_model(nm_opened *opened, const nm_open_args *args, unsigned flags)
{
    static char         found[NM_OS_PATH]; /* static: as long as the program lives */
    char                looked[LOOKED];
    const char         *file = choose_model(args->model, found, looked);
    double              began = nm_clock();
    nm_progress_bar     bar = {.quiet = (flags & NM_OPEN_QUIET) != 0};
    nomul_model_options options;
    nomul_error         err;

    nomul_model_options_init(&options);
    options.in_memory = args->no_mmap;
    options.check_tensors = (flags & NM_OPEN_CHECK) != 0;
    options.kernels = args->kernels;
    options.cancel = nm_interrupt_cancel();
    options.progress = nm_progress_show;
    options.progress_context = &bar;
    if (!(flags & NM_OPEN_IDLE) && nm_open_kernels(&options.kernels) != NM_EXIT_DONE)
        return NM_EXIT_MISUSED;
    if (!file) {
        nm_output_say("nomul: no model: give -m FILE or set NOMUL_MODEL; looked for%s", looked);
        return NM_EXIT_FAILED;
    }
    opened->path = file;

    nm_interrupt_guard(opened->path);
    opened->model = nomul_model_open(opened->path, &options, &err);
    nm_progress_erase(&bar);
    if (!opened->model) {
        if (!args->model && file != found) nm_fail_in(&err, "$NOMUL_MODEL");
        return nm_output_failed(&err);
    }
    opened->tokenizer = nomul_model_tokenizer(opened->model);
    if (!opened->tokenizer && (flags & NM_OPEN_TOKENIZER)) {
        nm_fail(&err, NOMUL_E_UNSUPPORTED,
                "%s: has no tokenizer: it takes ids, see nomul help logits", opened->path);
        return nm_output_failed(&err);
    }
    opened->load_seconds += nm_clock() - began;
    return NM_EXIT_DONE;
}

/* The options of a session; returns its bytes. */
static size_t session_options(const nomul_model *model, const nm_open_args *args,
                              nomul_session_options *options)
{
    nomul_session_options_init(options);
    options->n_threads = (size_t)args->n_threads;
    options->n_batch = (size_t)args->n_batch;
    return nomul_session_memory(model, options);
}

/* Where there is no memory the library refuses a large block, but not many small ones. */
bool nm_open_fits(const nomul_model *model, const nm_open_args *args, uint64_t available,
                  nomul_error *err)
{
    const nomul_model_info *info = nomul_model_get_info(model);
    nm_open_args            small = *args;
    nomul_session_options   options;
    uint64_t                one = info->state_bytes + (uint64_t)info->n_vocab * sizeof(float);
    uint64_t                n = args->n_texts > 1 ? (uint64_t)args->n_texts : 1;
    uint64_t engine = session_options(model, args, &options), need = engine + n * one;
    char     advice[64] = "";

    if (need <= available || engine == 0) return true;
    small.n_batch = 1;
    if (engine + one <= available)
        snprintf(advice, sizeof advice, "; --parallel %" PRIu64 " fits",
                 (available - engine) / one);
    else if (session_options(model, &small, &options) + one <= available)
        snprintf(advice, sizeof advice, "; a smaller -b fits");
    return nm_fail(err, NOMUL_E_MEMORY, "%s%s: %s of memory needed, %s available%s",
                   n > 1 ? nm_show_amount(n, "text").text : "a session", n > 1 ? " at once" : "",
                   nm_show_bytes(need).text, nm_show_bytes(available).text, advice);
}

#define SMALL ((uint64_t)64 << 20) /* never refused, as in base/alloc.c: a small system may swap */

bool nm_open_session(nm_opened *opened, const nm_open_args *args, nomul_error *err)
{
    nomul_session_options options;
    double                began = nm_clock();

    opened->session_bytes = session_options(opened->model, args, &options);
    if (!nm_open_fits(opened->model, args, SMALL, err) &&
        !nm_open_fits(opened->model, args, nm_os_available_memory(), err))
        return false;
    opened->session = nomul_session_new(opened->model, &options, err);
    opened->load_seconds += nm_clock() - began;
    return opened->session != NULL;
}

uint64_t nm_open_logits_memory(const nomul_model *model)
{
    nomul_session_options options;

    nomul_session_options_init(&options);
    options.n_batch = NM_LOGITS_ROWS;
    return nomul_session_memory(model, &options) +
           (uint64_t)NM_LOGITS_ROWS * nomul_model_get_info(model)->n_vocab * sizeof(float);
}

void nm_open_close(nm_opened *opened)
{
    nomul_session_free(opened->session);
    nomul_model_close(opened->model);
    *opened = (nm_opened){0};
}

/* ---- Inputs survive -------------------------------------------------------------------------- */

static void spell(const nm_option *o, char out[32])
{
    if (o->kind == NM_OPT_ARG)
        snprintf(out, 32, "%s", o->value);
    else if (o->letter)
        snprintf(out, 32, "-%c", o->letter);
    else
        snprintf(out, 32, "--%s", o->name);
}

bool nm_open_may_write(const char *path, const char *by, const nm_inputs *inputs, nomul_error *err)
{
    static const char *const streams[] = {"standard input", "standard output", "standard error"};
    bool by_descriptor = nm_os_descriptor(path) >= 0; /* /dev/stdout is written, not replaced */
    char found[NM_OS_PATH], looked[LOOKED], reader[32];

    for (const nm_option *o = inputs->options; o->kind != NM_OPT_END; o++) {
        if (o->role != NM_INPUT && o->role != NM_INPUT_AT) continue;
        const char *input = /* the file that this option reads, or NULL */
            *(const char *const *)(const void *)((const char *)inputs->args + o->field);
        if (o->letter == 'm') input = choose_model(input, found, looked);
        if (o->role == NM_INPUT_AT && input) input = *input == '@' ? input + 1 : NULL;
        if (!input || strcmp(input, "-") == 0 || !nm_file_same(path, input)) continue;
        spell(o, reader);
        return nm_fail(err, NOMUL_E_ARG, "%s: is the file of %s, which %s must not replace%s", path,
                       reader, by,
                       o->name && strcmp(o->name, "load-session") == 0
                           ? "; --prompt-cache loads and saves one file"
                           : "");
    }
    for (int fd = NM_OS_STDIN; fd <= NM_OS_STDERR; fd++)
        if (nm_file_is(&(nm_file){.fd = fd}, path) && (fd == NM_OS_STDIN || !by_descriptor))
            return nm_fail(err, NOMUL_E_ARG, "%s: is the file of %s, which %s must not replace",
                           path, streams[fd], by);
    return true;
}

bool nm_open_check_outputs(const nm_inputs *inputs, nomul_error *err)
{
    char by[32];

    for (const nm_option *o = inputs->options; o->kind != NM_OPT_END; o++) {
        if (o->role != NM_OUTPUT && o->role != NM_IN_PLACE) continue;
        const char *path =
            *(const char *const *)(const void *)((const char *)inputs->args + o->field);
        spell(o, by);
        if (path && !nm_open_may_write(path, by, inputs, err)) return false;
    }
    return true;
}
