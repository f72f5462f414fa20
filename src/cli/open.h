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

/* A command's arguments have one of these; the rows below fill it.  Zeros ask for the defaults. */
typedef struct nm_open_args {
    const char *model, *kernels;    /* a path, a name of nomul_kernels_name; NULL: choose */
    int64_t     n_threads, n_batch; /* 0: choose */
    int64_t     n_texts;            /* at most, in sessions that share the engine; 0 is 1 */
    bool        no_mmap;
} nm_open_args;

/* Rows of a command's table; A is where its nm_open_args is, F(A.field) where a field of it is. */
/* clang-format off */
#define NM_MODEL_OPTION(F, A)                                                                      \
    NM_FILE('m', "model", F(A.model), NULL, "model file", NM_INPUT)

#define NM_KERNELS_OPTION(field)                                                                   \
    NM_STRING(0, "kernels", field, "NAME",                                                         \
              "instruction set, as nomul selftest lists them; does not change results")

#define NM_MACHINE_OPTIONS(F, A)                                                                   \
    NM_GROUP("Machine"),                                                                           \
    NM_INT('t', "threads", F(A.n_threads), "0", 0, 1024, "threads; 0 = one per CPU"),              \
    NM_INT('b', "batch-size", F(A.n_batch), "0", 0, 4096,                                          \
           "tokens processed together; 0 = automatic; does not change results"),                   \
    NM_KERNELS_OPTION(F(A.kernels)),                                                               \
    NM_FLAG(0, "no-mmap", F(A.no_mmap), "read the model into memory instead of mapping it")

/* Accepted and ignored, for command lines that were written for engines with attention. */
#define NM_CTX_OPTION(field)                                                                       \
    NM_INT('c', "ctx-size", field, "0", 0, 1e9, "no effect: there is no context window")
/* clang-format on */

/*
 * To be called once, before options are parsed: remembers argv[0], with which the program's folder
 * is found, and fills nm_pack_words, the choices of --pack: "2bit|1.6bit", in the order of
 * nomul_packing_name.
 */
void        nm_open_init(const char *argv0);
extern char nm_pack_words[64];

/*
 * What is open, as far as it is.  Zeros are nothing.  A command keeps one of these and closes it
 * whatever happens, so it has one way out.
 */
typedef struct nm_opened {
    const char            *path; /* of the model; lives as long as the program */
    nomul_model           *model;
    const nomul_tokenizer *tokenizer;     /* the model's; NULL if it has none */
    nomul_session         *session;       /* NULL before nm_open_session */
    size_t                 session_bytes; /* memory of the session, for statistics */
    double                 load_seconds;  /* model and session */
} nm_opened;

enum {
    NM_OPEN_TOKENIZER = 1, /* a model without a tokenizer is an error */
    NM_OPEN_CHECK = 2,     /* verify every checksum and every code */
    NM_OPEN_IDLE = 4,      /* nothing is computed: $NOMUL_KERNELS does not matter */
    NM_OPEN_QUIET = 8,     /* no line of progress */
};

/*
 * Opens the model that args->model names, else $NOMUL_MODEL, else stories-77m.gguf in the
 * executable's folder, ../models or ../share/nomul, the first that exists.  Returns the exit code
 * so far; if it is not NM_EXIT_DONE, the reason has been printed.  nm_open_close follows in any
 * case.
 */
int nm_open_model(nm_opened *opened, const nm_open_args *args, unsigned flags);

/*
 * Makes a session of the open model with an engine of its own, whose threads and scratch memory are
 * those that args ask for.  To be called once, after the input was checked: it allocates the most.
 */
bool nm_open_session(nm_opened *opened, const nm_open_args *args, nomul_error *err);

/*
 * Do an engine and the states and logits of args->n_texts texts fit into so many bytes?  If not,
 * the error says how many texts or which batch would.  nm_open_session asks this.
 */
bool nm_open_fits(const nomul_model *model, const nm_open_args *args, uint64_t available,
                  nomul_error *err);

/* Frees session and model, as far as there are any.  Texts made of them are freed by the caller. */
void nm_open_close(nm_opened *opened);

/*
 * Rows of logits that nomul logits computes together without -b, and the memory that it takes: the
 * rows (12 MB with 32,000 ids) and a session.
 */
#define NM_LOGITS_ROWS 96
uint64_t nm_open_logits_memory(const nomul_model *model);

/*
 * *name as given, else $NOMUL_KERNELS, else NULL for the fastest.  Returns the exit code so far:
 * NM_EXIT_MISUSED, which was printed, if this build has no kernels of that name.  Whether the CPU
 * runs them is checked by the library.
 */
int nm_open_kernels(const char **name);

/* ---- Inputs survive -------------------------------------------------------------------------- */

/*
 * What a command was given: the rows with a role are the files that it reads and writes.  A model
 * that is not named is one of the inputs, too.
 */
typedef struct nm_inputs {
    const nm_option *options;
    const void      *args;
} nm_inputs;

/* Is `path`, which `by` is to write, none of the inputs, nor standard input or output? */
bool nm_open_may_write(const char *path, const char *by, const nm_inputs *inputs, nomul_error *err);
/* The same for all outputs; main asks this for every command. */
bool nm_open_check_outputs(const nm_inputs *inputs, nomul_error *err);

#endif
