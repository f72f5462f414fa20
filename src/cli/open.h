/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that every command with a model shares, and what they lead to: which model file,
 * which kernels, one session.  A command includes the rows in its table, puts an nm_open_args into
 * its arguments and gets an nm_opened.
 */
#ifndef NM_OPEN_H
#define NM_OPEN_H

#include "cli/options.h"
#include "nomul.h"

typedef struct nm_open_args {
    const char *model, *kernels;
    int64_t     n_threads, n_batch;
    bool        no_mmap;
} nm_open_args;

/* Rows of a command's table; A is where its nm_open_args is, F(A.field) where a field of it is. */
#define NM_MODEL_OPTION(F, A)                                                                      \
    {                                                                                              \
        'm', "model", NM_OPT_STRING, F(A.model), NULL, "FILE", "model file", 0, 0                  \
    }

#define NM_KERNELS_OPTION(field)                                                                   \
    {                                                                                              \
        0, "kernels", NM_OPT_STRING, field, NULL, "NAME",                                          \
            "instruction set to compute with, see nomul selftest; results are the same for any",   \
            0, 0                                                                                   \
    }

/* clang-format off */
#define NM_MACHINE_OPTIONS(F, A)                                                                   \
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Machine", 0, 0},                                       \
    {'t', "threads", NM_OPT_INT, F(A.n_threads), "0", "N", "threads; 0 is one for each CPU",       \
     0, 1024},                                                                                     \
    {'b', "batch-size", NM_OPT_INT, F(A.n_batch), "0", "N",                                        \
     "tokens processed together; results are the same for any; 0 chooses the number", 0, 4096},    \
    NM_KERNELS_OPTION(F(A.kernels)),                                                               \
    {0, "no-mmap", NM_OPT_FLAG, F(A.no_mmap), NULL, NULL,                                          \
     "read the model into memory instead of mapping it", 0, 0}
/* clang-format on */

/* For programs that drive other engines too. */
#define NM_CTX_OPTION(field)                                                                       \
    {                                                                                              \
        'c', "ctx-size", NM_OPT_INT, field, "0", "N", "no effect: there is no context window", 0,  \
            1e9                                                                                    \
    }

/*
 * The choices of --pack, "2bit|1.6bit", in the order of nomul_packing_name; nm_open_init fills it.
 */
extern char nm_pack_words[64];
void        nm_open_init(void);

/* What is open, as far as it is.  Zeros are nothing. */
typedef struct nm_opened {
    const char            *path; /* lives as long as the program */
    nomul_model           *model;
    const nomul_tokenizer *tokenizer; /* NULL if the model has none */
    nomul_session         *session;
    size_t                 session_bytes;
    double                 load_seconds; /* model and session */
} nm_opened;

enum {
    NM_OPEN_TOKENIZER = 1, /* a model without a tokenizer is an error */
    NM_OPEN_CHECK = 2,     /* verify every checksum and every code */
    NM_OPEN_IDLE = 4,      /* nothing is computed: $NOMUL_KERNELS does not matter */
};

/*
 * Opens the model that args->model names, else $NOMUL_MODEL, else stories-49m.gguf in the
 * executable's folder, ../models or ../share/nomul, the first that exists.  argv0 is the program's
 * own.  Returns the exit code so far; if it is not NM_EXIT_DONE, the reason has been printed.
 */
int nm_open_model(nm_opened *opened, const char *command, const nm_open_args *args,
                  const char *argv0, unsigned flags);

/* Makes the session. */
bool nm_open_session(nm_opened *opened, const nm_open_args *args, nomul_error *err);

void nm_open_close(nm_opened *opened);

/*
 * *name as given, else $NOMUL_KERNELS, else NULL for the fastest.  False if this build has no
 * kernels of that name: the misuse has been printed.  Whether the CPU runs them the library checks.
 */
bool nm_open_kernels(const char *command, const char **name);

/* Is `path`, about to be written, neither the model nor the prompt's file (NULL: there is none)? */
bool nm_open_may_write(const char *path, const char *model, const char *prompt, nomul_error *err);

#endif
