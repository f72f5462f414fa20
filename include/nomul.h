/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul: inference of MatMul-free language models (Zhu et al., arXiv 2406.02528) on a CPU.
 *
 * This is the whole public API.  A model is a GGUF file, opened read-only.  A session holds the
 * scratch memory and the threads that run a model, and one recurrent state.  A text (nomul_text)
 * generates: it takes prompt bytes, steps token by token, alone or with other texts, and can be
 * marked, rewound, forked, saved and loaded.  Tokenizer, decoder and sampler are the parts a text
 * is made of, for callers who want their own loop.
 *
 * The library never prints, never exits, installs no signal handler, reads no environment variable
 * and has no global state.
 *
 * NULL       A required pointer that is NULL is NOMUL_E_ARG; a function without a status returns
 *            NULL, 0, -1 or false instead.  The free functions accept NULL.  Options may be NULL:
 *            all defaults.  err may be NULL: no message.
 * Structs    Options are filled with defaults by their init function, then changed by the caller.
 *            A struct with a member `size` may grow in later versions: init sets size, and where
 *            the library fills such a struct the caller sets size to sizeof beforehand.  The
 *            library touches only the first `size` bytes.  A struct that the library owns may
 *            grow at its end.  The other structs never change.
 * Ownership  Objects are reference-counted where they need each other, so they may be freed in any
 *            order: a session keeps its model open, a text keeps its session's engine, a decoder
 *            its tokenizer.  Strings and arrays that a function returns belong to the object.
 * Cancelling A nomul_cancel given in options stops every long call: see nomul_cancel.
 * Failure    A call that fails returns a status, or NULL, 0, -1 or false, and leaves its objects as
 *            they were, unless its comment says otherwise.
 * Threads    Any function may be called from any thread.  At the same time:
 *              nomul_model, nomul_tokenizer   any number of calls: they never change
 *              nomul_session                  one call at a time for all that share one engine, and
 *                                             for the texts made from them
 *              nomul_sampler, nomul_decoder   one call at a time for each
 *              paths                          any; of two writers the later one's file stays, whole
 * Fork       After fork() a child may use and free everything that existed, unless a call on its
 *            engine was running in another thread.  A session computes on the calling thread
 *            there, as the child lacks its threads; a new one makes threads of its own.
 */
#ifndef NOMUL_H
#define NOMUL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

#define NOMUL_VERSION_MAJOR 0
#define NOMUL_VERSION_MINOR 2
#define NOMUL_VERSION_PATCH 0
#define NOMUL_VERSION "0.2.0"

/* The version of the linked library: NOMUL_VERSION as it was when the library was built. */
const char *nomul_version(void);

/* ---- Errors ---------------------------------------------------------------------------------- */

typedef enum nomul_status {
    NOMUL_OK = 0,
    NOMUL_E_ARG,         /* the caller's mistake: NULL, out of range, a struct of unknown size */
    NOMUL_E_IO,          /* the system refused: open, read, write, map */
    NOMUL_E_FORMAT,      /* a file is damaged or is not what it claims to be */
    NOMUL_E_UNSUPPORTED, /* a file is valid, but needs something that nomul does not support */
    NOMUL_E_MEMORY,      /* out of memory */
    NOMUL_E_CANCELLED,   /* a nomul_cancel was set */
    NOMUL_E_SPACE,       /* the caller's buffer is too small; the call says how much is needed */
} nomul_status;

/*
 * One line without a newline: place, cause, found, expected.  The caller owns it and passes it as
 * the last argument of every function that can fail.  Not written on success.
 */
typedef struct nomul_error {
    nomul_status code;
    char         text[1024];
} nomul_error;

/*
 * A request to stop long calls: nomul_model_open and _open_memory, nomul_tokenize,
 * nomul_session_feed, _feed_many, _score and _score_many, nomul_text_prompt, _read, _step and
 * _save, nomul_mark_load, nomul_convert, nomul_repack.  Begins as zeros and must outlive the
 * objects whose options name it.  nomul_cancel_request may be called from a signal handler and from
 * any thread.  A call that sees the request returns NOMUL_E_CANCELLED (nomul_text_step: NOMUL_OK,
 * and the text has finished with NOMUL_FINISH_CANCELLED); its comment says what state its objects
 * are in.  The request stays until nomul_cancel_clear.  Calls stop in less than a second: they
 * work in pieces, and look at the request between them.
 */
typedef struct nomul_cancel {
    int requested;
} nomul_cancel;

void nomul_cancel_request(nomul_cancel *cancel);
void nomul_cancel_clear(nomul_cancel *cancel);
bool nomul_cancel_requested(const nomul_cancel *cancel); /* NULL: false */

/* Called at intervals during a long call, on the calling thread; returning false cancels it. */
typedef bool (*nomul_progress)(void *context, uint64_t done, uint64_t total);

/* Called where a call succeeds but the user should know something: one line without a newline. */
typedef void (*nomul_warning)(void *context, const char *text);

/*
 * Called with the name of a temporary file before it is created, and with NULL when that name is
 * gone, so that a signal handler that ends the process can remove the file.
 */
typedef void (*nomul_temporary)(void *context, const char *path);

/* ---- Model ----------------------------------------------------------------------------------- */

/*
 * An open model file: weights, hyper-parameters, tokenizer.  It never changes, so any number of
 * threads and sessions may use it at the same time.
 */
typedef struct nomul_model nomul_model;

typedef struct nomul_model_options {
    size_t      size;
    bool        in_memory;     /* read the file into memory instead of mapping it; default false */
    bool        check_tensors; /* also verify all tensors and model_id; default false */
    const char *kernels; /* a name from nomul_kernels_name; NULL, the default: best for this CPU */
    const nomul_cancel *cancel;   /* of the open call and of nomul_tokenize; default NULL */
    nomul_progress      progress; /* of in_memory and check_tensors: bytes, of all; default NULL */
    void               *progress_context;
} nomul_model_options;

void nomul_model_options_init(nomul_model_options *options);

/*
 * Opens a GGUF file of architecture hgrn_bit (models/FORMAT.md).  Takes milliseconds for any file
 * size, unless check_tensors is set.  Everything is validated before it is used.  A mapped file
 * must not shrink while it is open, or the system raises SIGBUS.  NULL on failure.
 */
nomul_model *nomul_model_open(const char *path, const nomul_model_options *options,
                              nomul_error *err);

/*
 * The same from memory: data[n_bytes], aligned to 64 bytes.  It stays the caller's and must outlive
 * the model and everything made from it.
 */
nomul_model *nomul_model_open_memory(const void *data, size_t n_bytes,
                                     const nomul_model_options *options, nomul_error *err);

/* Drops the caller's reference.  What was made from the model keeps it open. */
void nomul_model_close(nomul_model *model);

/* Owned by the model; grows at its end. */
typedef struct nomul_model_info {
    const char *name;    /* general.name, "" if absent */
    const char *packing; /* how ternary weights are stored: "t4" (2 bits each) or "t5" (1.6) */
    uint32_t    n_layers;
    uint32_t    dim;       /* width of the residual stream */
    uint32_t    state_dim; /* width of the recurrent state: dim * expand_ratio */
    uint32_t    ffn_dim;
    uint32_t    n_vocab;
    uint32_t    n_heads;
    uint32_t    n_ctx_train; /* for information: the length of a text is not limited */
    bool        use_lower_bound;
    float       rms_norm_eps;
    uint64_t    model_id; /* identifies the weights; the same for every packing */
    uint64_t    file_bytes;
    uint64_t    n_params; /* embedding, gains, bounds and ternary weights */
    uint64_t    n_ternary_params;
    uint64_t    ternary_bytes; /* stored size of the ternary weights with padding and scales */
    uint64_t    state_bytes;   /* of the recurrent state: n_layers * state_dim floats */
} nomul_model_info;

/*
 * Names of the kernel sets of this build, one per instruction set, scalar first; NULL past the
 * last.  All compute the same bits.
 */
const char *nomul_kernels_name(size_t index);

/* The kernel set that this model uses. */
const char *nomul_model_kernels(const nomul_model *model);

/* The faster packing with that kernel set, named as in nomul_model_info. */
const char *nomul_model_best_packing(const nomul_model *model);

const nomul_model_info *nomul_model_get_info(const nomul_model *model);

/* The numbers are GGUF's. */
typedef enum nomul_value_type {
    NOMUL_VALUE_U8 = 0,
    NOMUL_VALUE_I8 = 1,
    NOMUL_VALUE_U16 = 2,
    NOMUL_VALUE_I16 = 3,
    NOMUL_VALUE_U32 = 4,
    NOMUL_VALUE_I32 = 5,
    NOMUL_VALUE_F32 = 6,
    NOMUL_VALUE_BOOL = 7,
    NOMUL_VALUE_STRING = 8,
    NOMUL_VALUE_ARRAY = 9,
    NOMUL_VALUE_U64 = 10,
    NOMUL_VALUE_I64 = 11,
    NOMUL_VALUE_F64 = 12,
} nomul_value_type;

/* One key of the file.  Strings are not NUL-terminated and belong to the model. */
typedef struct nomul_metadata {
    size_t           size; /* set by the caller */
    const char      *key;
    size_t           n_key;
    nomul_value_type type;
    uint64_t         u; /* U8 U16 U32 U64 BOOL */
    int64_t          i; /* I8 I16 I32 I64 */
    double           f; /* F32 F64 */
    const char      *string;
    size_t           n_string;
    nomul_value_type element_type; /* ARRAY: of its elements */
    uint64_t         n_elements;
} nomul_metadata;

/*
 * Fills *out with key `index` in the file's order.  False past the last, with err as it was, and
 * after an error: NOMUL_E_ARG for a size of no version of the struct.
 */
bool nomul_model_metadata(const nomul_model *model, size_t index, nomul_metadata *out,
                          nomul_error *err);

/* One stored tensor.  The name is not NUL-terminated and belongs to the model. */
typedef struct nomul_tensor {
    size_t      size; /* set by the caller */
    const char *name;
    size_t      n_name;
    const char *type; /* "F32" "F16" "Q8_0" "I8" "I32" */
    uint32_t    n_dims;
    uint64_t    dims[4]; /* innermost first, as in GGUF */
    uint64_t    offset;  /* bytes from the beginning of the file */
    uint64_t    n_bytes;
    uint64_t    xxh64;
} nomul_tensor;

/* Fills *out with tensor `index` in the file's order; false as nomul_model_metadata. */
bool nomul_model_tensor(const nomul_model *model, size_t index, nomul_tensor *out,
                        nomul_error *err);

/* ---- Session --------------------------------------------------------------------------------- */

/*
 * An engine (scratch memory and threads) with one recurrent state: ids in, logits out.  Sessions
 * that share an engine differ in their state only.
 */
typedef struct nomul_session nomul_session;

typedef struct nomul_session_options {
    size_t size;
    size_t n_threads; /* 0, the default: one per CPU that this process may use */
    size_t n_batch;   /* tokens that pass through a layer together, 1..4096; 0, the default: as many
                         as 32 MiB of scratch memory hold, 64..384 */
    const nomul_cancel *cancel; /* of calls on this engine; NULL, the default: the model's */
} nomul_session_options;

void nomul_session_options_init(nomul_session_options *options);

/*
 * Bytes that nomul_session_new would allocate for its state and its engine, thread stacks excluded.
 * 0 if options are out of range.
 */
size_t nomul_session_memory(const nomul_model *model, const nomul_session_options *options);

/*
 * A session with an engine of its own, at the beginning of a sequence.  All memory is allocated
 * here.  Results do not depend on n_threads or n_batch: the same bits.  NULL on failure.
 */
nomul_session *nomul_session_new(const nomul_model *model, const nomul_session_options *options,
                                 nomul_error *err);

/*
 * A session that shares the engine of another: it allocates its state, info.state_bytes, and less
 * than 1 KiB.  It begins at the beginning of a sequence.  NULL on failure.
 */
nomul_session *nomul_session_share(nomul_session *session, nomul_error *err);

/* A session with a copy of the state; it shares the engine.  NULL on failure. */
nomul_session *nomul_session_clone(nomul_session *session, nomul_error *err);

void nomul_session_free(nomul_session *session);

/* Back to the state before the first token. */
void nomul_session_reset(nomul_session *session);

typedef enum nomul_logits {
    NOMUL_LOGITS_NONE = 0, /* logits may be NULL */
    NOMUL_LOGITS_LAST,     /* of the last id: float[n_vocab] */
    NOMUL_LOGITS_ALL,      /* of each id: float[n_ids][n_vocab] */
} nomul_logits;

/*
 * Feeds ids[n_ids] and writes the logits asked for, the scores of the next token.  All ids are
 * checked before the state changes.  n_ids = 0 is valid where no logits are asked for.  Feeding ids
 * together, in parts or one by one gives the same bits.  Cancelled: n_tokens says how many ids were
 * fed, and the logits are undefined.
 */
nomul_status nomul_session_feed(nomul_session *session, const int32_t *ids, size_t n_ids,
                                nomul_logits which, float *logits, nomul_error *err);

/* One of several sequences to be fed together. */
typedef struct nomul_feed {
    nomul_session *session;
    const int32_t *ids;
    size_t         n_ids;
    bool           logits; /* of the last id; n_ids > 0 then */
} nomul_feed;

/*
 * Feeds several sequences together: the weights are read once for up to n_batch tokens of all of
 * them.  The sessions share one engine and no session occurs twice.  logits gets a row of
 * float[n_vocab] for each feed that asks for one, in the order of feeds.  Each sequence gets the
 * bits that nomul_session_feed alone would give it.  Ids are taken in the order of the feeds.
 * Cancelled: nomul_session_n_tokens says how many of each were fed; the logits are undefined.
 */
nomul_status nomul_session_feed_many(const nomul_feed *feeds, size_t n_feeds, float *logits,
                                     nomul_error *err);

/*
 * Scores a sequence: logprobs[i], of float[n_ids - 1], becomes the natural logarithm of the
 * probability of ids[i + 1] after ids[0..i] and all ids fed before.  The last id is not fed: it is
 * the first of the next call, so a sequence may be scored in parts of at least two ids.  Allocates
 * memory for the logits of a few tokens.  Cancelled: n_tokens says how many ids were fed; logprobs
 * are undefined.
 */
nomul_status nomul_session_score(nomul_session *session, const int32_t *ids, size_t n_ids,
                                 float *logprobs, nomul_error *err);

/* One of several sequences to be scored together: the arguments of nomul_session_score. */
typedef struct nomul_score {
    nomul_session *session;
    const int32_t *ids;
    size_t         n_ids;
    float         *logprobs;
} nomul_score;

/*
 * Scores several sequences together, as nomul_session_feed_many feeds them: the sessions share one
 * engine and no session occurs twice; each sequence gets the bits that nomul_session_score alone
 * would give it.  Cancelled: as there, and some sequences may not have begun.
 */
nomul_status nomul_session_score_many(const nomul_score *scores, size_t n_scores, nomul_error *err);

/* n_tokens: ids fed since the beginning or the last reset; n_threads, n_batch: those in use. */
uint64_t           nomul_session_n_tokens(const nomul_session *session);
size_t             nomul_session_n_threads(const nomul_session *session);
size_t             nomul_session_n_batch(const nomul_session *session);
const nomul_model *nomul_session_model(const nomul_session *session);

/*
 * The recurrent state as bytes: nomul_snapshot_bytes of them, 16 more than info.state_bytes, for
 * any sequence, machine and packing of a model.  A smaller buffer is NOMUL_E_SPACE; a larger one,
 * as for another model, is NOMUL_E_ARG.  So is restoring bytes that are no snapshot of this model.
 */
size_t       nomul_snapshot_bytes(const nomul_model *model);
nomul_status nomul_session_snapshot(const nomul_session *session, void *snapshot, size_t n_bytes,
                                    nomul_error *err);
nomul_status nomul_session_restore(nomul_session *session, const void *snapshot, size_t n_bytes,
                                   nomul_error *err);

/* ---- Tokenizer ------------------------------------------------------------------------------- */

/*
 * Text to ids and back: BPE of SentencePiece or of Hugging Face's tokenizers, with the tokens that
 * were added to it (models/FORMAT.md).  Owned by its model.
 */
typedef struct nomul_tokenizer nomul_tokenizer;

/* NULL if the model file has no tokenizer. */
const nomul_tokenizer *nomul_model_tokenizer(const nomul_model *model);

enum {
    NOMUL_TOKENIZE_ADD_SPECIAL = 1,   /* add BOS and EOS where the model asks for them */
    NOMUL_TOKENIZE_PARSE_SPECIAL = 2, /* control tokens spelled in the text become their ids */
    NOMUL_TOKENIZE_NO_PREFIX = 4,     /* add no leading space: this text continues another */
};

/* An upper bound of the ids of any text of n_bytes; SIZE_MAX on overflow. */
size_t nomul_tokenize_bound(size_t n_bytes);

/*
 * Writes the ids of text[n_bytes] to ids[capacity] and their number to *n_ids.  The text may hold
 * any bytes, NUL and invalid UTF-8 too: what no piece spells is encoded byte by byte.  O(n log n)
 * time and temporary memory.  NOMUL_E_SPACE if the ids do not fit: *n_ids is then the number
 * needed.
 */
nomul_status nomul_tokenize(const nomul_tokenizer *tokenizer, const char *text, size_t n_bytes,
                            unsigned flags, int32_t *ids, size_t capacity, size_t *n_ids,
                            nomul_error *err);

/*
 * The last position at or after `from` in text[n_bytes], its end included, where the text may be
 * cut so that its parts, tokenized one by one, give the ids of the whole, whatever follows; 0 if
 * there is none.  The first part is tokenized as it is, the others with NOMUL_TOKENIZE_NO_PREFIX,
 * and none with NOMUL_TOKENIZE_PARSE_SPECIAL.  So an endless text can be tokenized as it arrives.
 */
size_t nomul_tokenize_cut(const nomul_tokenizer *tokenizer, const char *text, size_t n_bytes,
                          size_t from);

/* Does NOMUL_TOKENIZE_ADD_SPECIAL add BOS, or EOS? */
bool nomul_tokenizer_adds_bos(const nomul_tokenizer *tokenizer);
bool nomul_tokenizer_adds_eos(const nomul_tokenizer *tokenizer);

/* The numbers are GGUF's token types. */
typedef enum nomul_token_type {
    NOMUL_TOKEN_NORMAL = 1,
    NOMUL_TOKEN_UNKNOWN = 2,
    NOMUL_TOKEN_CONTROL = 3,
    NOMUL_TOKEN_USER_DEFINED = 4,
    NOMUL_TOKEN_UNUSED = 5,
    NOMUL_TOKEN_BYTE = 6,
} nomul_token_type;

/* The size of the vocabulary: ids are 0 to this - 1. */
size_t nomul_token_count(const nomul_tokenizer *tokenizer);

/* Special ids; -1 where the vocabulary has none. */
int32_t nomul_token_bos(const nomul_tokenizer *tokenizer);
int32_t nomul_token_eos(const nomul_tokenizer *tokenizer);
int32_t nomul_token_unk(const nomul_tokenizer *tokenizer);

/* Does this id end a text?  EOS does, and others that the model file names. */
bool nomul_token_ends_text(const nomul_tokenizer *tokenizer, int32_t id);

/* The piece as the vocabulary spells it, not NUL-terminated; NULL for an id outside. */
const char *nomul_token_piece(const nomul_tokenizer *tokenizer, int32_t id, size_t *n_bytes,
                              nomul_token_type *type);

/*
 * Ids to text, one id at a time.  An unfinished UTF-8 character is held back until it is complete.
 */
typedef struct nomul_decoder nomul_decoder;

enum {
    NOMUL_DECODE_STRIP_SPACE = 1, /* drop the leading space, if the tokenizer adds one to a text */
    NOMUL_DECODE_SPECIAL = 2, /* write control tokens as they are spelled; else they are dropped */
};

/* flags: of the two above.  NULL on failure. */
nomul_decoder *nomul_decoder_new(const nomul_tokenizer *tokenizer, unsigned flags,
                                 nomul_error *err);
void           nomul_decoder_free(nomul_decoder *decoder);

/*
 * The bytes that this id completes, *n_bytes of them, possibly none.  They belong to the decoder
 * and are valid until its next call.  NULL for an id outside the vocabulary.
 */
const char *nomul_decoder_push(nomul_decoder *decoder, int32_t id, size_t *n_bytes);

/* The bytes still held back, as they are; the decoder then begins a new text. */
const char *nomul_decoder_flush(nomul_decoder *decoder, size_t *n_bytes);

/* ---- Sampler --------------------------------------------------------------------------------- */

/*
 * The sampler's options, one row each: type, name, default, least and most value, offset in a
 * session file (src/format/session_file.h), long option, key in a JSON line of `nomul batch`, key
 * general.sampling.* in a model file, key in a generation_config.json, letter of the short option
 * or 0, name of the value, help.  A key "" means that there is none, a limit of 3.4e38 that there
 * is no limit.  The struct below, defaults, range checks, session files, model files, command line
 * and JSON follow the row.  The command line takes seeds up to 2^53 - 1, and -1 for a random one.
 * A new row is the last one, and its offset lies in the reserved bytes of a session file: 0 there
 * must mean its default.
 */
#define NOMUL_SAMPLER_FIELDS(ROW)                                                                  \
    ROW(FLOAT, repeat_penalty, 1.0, 1e-3, 3.4e38, 60, "repeat-penalty", "repeat_penalty",          \
        "penalty_repeat", "repetition_penalty", 0, "X",                                            \
        "divide the logits of repeated tokens by X, multiply negative ones; 1 = off")              \
    ROW(FLOAT, presence_penalty, 0.0, -1e3, 1e3, 68, "presence-penalty", "presence_penalty",       \
        "penalty_present", "", 0, "X",                                                             \
        "subtract X once from the logit of a token that has occurred; 0 = off")                    \
    ROW(FLOAT, frequency_penalty, 0.0, -1e3, 1e3, 72, "frequency-penalty", "frequency_penalty",    \
        "penalty_freq", "", 0, "X", "subtract X for each time a token has occurred; 0 = off")      \
    ROW(INT, repeat_last_n, 64, -1, 1048576, 64, "repeat-last-n", "repeat_last_n",                 \
        "penalty_last_n", "", 0, "N",                                                              \
        "penalties look at the last N tokens, prompt included; 0 = none, -1 = all")                \
    ROW(INT, top_k, 40, 0, 1000000000, 48, "top-k", "top_k", "top_k", "top_k", 0, "N",             \
        "keep the N most likely tokens; 0 = off")                                                  \
    ROW(FLOAT, top_p, 0.95, 0, 1, 52, "top-p", "top_p", "top_p", "top_p", 0, "P",                  \
        "keep the most likely tokens whose probabilities add up to P; 1 = off")                    \
    ROW(FLOAT, min_p, 0.05, 0, 1, 56, "min-p", "min_p", "min_p", "min_p", 0, "P",                  \
        "keep tokens with at least P times the probability of the most likely; 0 = off")           \
    ROW(FLOAT, temp, 0.8, 0, 3.4e38, 44, "temp", "temperature", "temp", "temperature", 0, "T",     \
        "sampling temperature; 0 = greedy")                                                        \
    ROW(SEED, seed, 0, 0, 0, 80, "seed", "seed", "", "", 's', "N",                                 \
        "random seed: one seed gives the same text on every machine; -1 = random")

#define NOMUL_SAMPLER_FLOAT float
#define NOMUL_SAMPLER_INT int32_t
#define NOMUL_SAMPLER_SEED uint64_t
#define NOMUL_SAMPLER_MEMBER(TYPE, name, ...) NOMUL_SAMPLER_##TYPE name;

typedef struct nomul_logit_bias {
    int32_t id;
    float   bias; /* added to the logit; -INFINITY forbids the id */
} nomul_logit_bias;

typedef struct nomul_sampler_options {
    size_t                  size;
    const nomul_logit_bias *logit_bias; /* copied; NULL if n_logit_bias is 0 */
    size_t                  n_logit_bias;
    NOMUL_SAMPLER_FIELDS(NOMUL_SAMPLER_MEMBER)
} nomul_sampler_options;

void nomul_sampler_options_init(nomul_sampler_options *options);

/*
 * Sets the options that the model file recommends, its keys general.sampling.*, and leaves the
 * others as they are: call nomul_sampler_options_init before.  Returns the rows that were set: bit
 * i is row i of NOMUL_SAMPLER_FIELDS.
 */
uint64_t nomul_model_sampling(const nomul_model *model, nomul_sampler_options *options);

/*
 * Logits to the next id.  Order: logit bias, penalties, top-k, top-p, min-p, temperature, random
 * choice; of equal logits the lower id comes first.  The generator is xoshiro256** seeded through
 * splitmix64, one 53-bit number a token, so one seed gives the same ids on every machine.
 */
typedef struct nomul_sampler nomul_sampler;

/* For logits[n_vocab].  Options out of range are NOMUL_E_ARG.  NULL on failure. */
nomul_sampler *nomul_sampler_new(size_t n_vocab, const nomul_sampler_options *options,
                                 nomul_error *err);
void           nomul_sampler_free(nomul_sampler *sampler);

/* Samples an id from logits[n_vocab] and accepts it. */
int32_t nomul_sampler_next(nomul_sampler *sampler, const float *logits);

/* Adds an id of the sequence that was not sampled here, as those of the prompt, for penalties. */
void nomul_sampler_accept(nomul_sampler *sampler, int32_t id);

/* Samples an id without accepting it. */
int32_t nomul_sampler_sample(nomul_sampler *sampler, const float *logits);

typedef struct nomul_logprob {
    int32_t id;
    float   logprob; /* natural logarithm of the probability under softmax(logits) */
} nomul_logprob;

/*
 * Writes the n_best most likely ids of logits[n_vocab] to best[n_best], most likely first, of
 * equal ones the lower id first; n_best <= n_vocab.  If `of` is not NULL, of->logprob becomes the
 * log-probability of of->id.
 */
void nomul_logprobs(const float *logits, size_t n_vocab, nomul_logprob *best, size_t n_best,
                    nomul_logprob *of);

/* ---- Text ------------------------------------------------------------------------------------ */

/*
 * A text that is being generated: prompt bytes in, generated bytes out, by steps of one token.  It
 * joins a session, a tokenizer, a sampler and a decoder by these rules:
 *
 * - The last id of a text is not fed until the next one is sampled: the state and that one id are
 *   all a text needs to continue, however often and wherever.
 * - A text without bytes is at its beginning.  There a prompt gets BOS and the tokenizer's leading
 *   space, and the leading space of the first generated piece is dropped.  Later prompts get
 *   neither.
 * - A stop string may begin anywhere in the text, also before a save or a rewind, and ends in a
 *   generated token.  The text ends with it: where the stop string ends inside a token, that token
 *   is replaced by the ids of its bytes up to there.  Shown text and state are the same text.
 * - An id for which nomul_token_ends_text is true, such as EOS, ends a text and is part of it; it
 *   has no bytes.
 * - A text that has finished continues after nomul_text_prompt.
 */
typedef struct nomul_text nomul_text;

typedef struct nomul_text_options {
    size_t                       size;
    const nomul_sampler_options *sampler; /* copied; NULL, the default: nomul_model_sampling's */
    const char *const           *stops;   /* stop strings, not empty, copied; default none */
    size_t                       n_stops;
    int64_t n_predict;  /* tokens generated after each prompt; -1, the default: no limit */
    size_t  n_logprobs; /* log-probabilities of this many ids for each token; default 0 */
    bool    special; /* control tokens may be spelled in prompts and are written; default false */
    bool    ignore_eos;           /* never sample an id that ends a text; default false */
    const nomul_cancel *cancel;   /* NULL, the default: the session's */
    nomul_progress      progress; /* of nomul_text_read: tokens read, of all; default NULL */
    void               *progress_context;
    nomul_temporary     temporary; /* of nomul_text_save; default NULL */
    void               *temporary_context;
} nomul_text_options;

void nomul_text_options_init(nomul_text_options *options);

typedef enum nomul_finish {
    NOMUL_FINISH_NONE = 0,  /* it has not finished */
    NOMUL_FINISH_EOS,       /* the model ended the text */
    NOMUL_FINISH_STOP,      /* a stop string */
    NOMUL_FINISH_LENGTH,    /* n_predict tokens */
    NOMUL_FINISH_CANCELLED, /* a nomul_cancel; the text stands between two tokens */
} nomul_finish;

/*
 * A text without ids, which has finished (NOMUL_FINISH_LENGTH) until its first prompt.  It has a
 * state of its own; it shares the engine of the session, whose own state it does not touch.
 * NOMUL_E_UNSUPPORTED if the model has no tokenizer.  NULL on failure.
 */
nomul_text *nomul_text_new(nomul_session *session, const nomul_text_options *options,
                           nomul_error *err);

/*
 * The shortest way to a text: opens a model file and makes a session and a text of it, with default
 * options for both.  They are freed with the text.  NULL on failure.
 */
nomul_text *nomul_text_open(const char *model_path, const nomul_text_options *options,
                            nomul_error *err);

/*
 * A copy of a text at its present place.  With NULL it has the same options and generator, so that
 * both continue alike.  With options it has a generator seeded by them and has finished
 * (NOMUL_FINISH_LENGTH) until its next prompt; its penalties know the ids that the text kept: as
 * many as its own repeat_last_n says, also with penalties off, and at least NOMUL_SAVED_IDS (see
 * nomul_text_missing).  Texts that are forks of one text can be stepped together.  NULL on failure.
 */
nomul_text *nomul_text_fork(const nomul_text *text, const nomul_text_options *options,
                            nomul_error *err);
void        nomul_text_free(nomul_text *text);

/*
 * Appends a prompt, which may be empty, and lets the text continue: n_predict tokens may follow.
 * Of several prompts in a row each is tokenized by itself.  If bytes of an unfinished character
 * were held back, a prompt with bytes makes them the output: see nomul_text_bytes.
 * NOMUL_E_UNSUPPORTED for an empty text and an empty prompt if the vocabulary has no BOS.
 * NOMUL_E_ARG for a text that has 2^63 - 1 tokens, or would have more.  NOMUL_E_CANCELLED.  In each
 * case nothing was appended.
 */
nomul_status nomul_text_prompt(nomul_text *text, const char *prompt, size_t n_bytes,
                               nomul_error *err);

/*
 * Reads the prompt to its last id, which stays unfed, and generates nothing.  NOMUL_E_CANCELLED: it
 * was read in part; nomul_text_step or another call reads the rest.
 */
nomul_status nomul_text_read(nomul_text *text, nomul_error *err);

/*
 * One step of n_texts texts, forks of one text, none twice: each that has not finished reads its
 * share of the prompt or generates a token.  The weights are read once for all.  A text's output
 * does not depend on the others.  A text whose cancel flag is set finishes with
 * NOMUL_FINISH_CANCELLED and the call succeeds.  After NOMUL_E_MEMORY (the ids of a cut token could
 * not be allocated) that text has finished with its last token whole; the texts stay usable.
 */
nomul_status nomul_text_step(nomul_text *const *texts, size_t n_texts, nomul_error *err);

/*
 * One step of one text.  Returns its bytes, possibly none, as nomul_text_bytes does; NULL when the
 * text has finished before the step, after an error, and for a NULL text, with err as it was.
 */
const char *nomul_text_next(nomul_text *text, size_t *n_bytes, nomul_error *err);

/* Why it finished. */
nomul_finish nomul_text_finish(const nomul_text *text);

/*
 * What the last step generated: its bytes, *n_bytes of them; the id that was sampled, or -1;
 * log-probabilities, of that id and then of the n_logprobs most likely, NULL without.  The ids that
 * the text got, *n_ids of them, are the sampled one, or where a stop string ended inside it those
 * that replace it: all ids of a text spell what it has shown.  Valid until the next call that
 * changes the text.  The bytes are whole UTF-8 characters until the text finishes.
 */
const char          *nomul_text_bytes(const nomul_text *text, size_t *n_bytes);
int32_t              nomul_text_id(const nomul_text *text);
const int32_t       *nomul_text_ids(const nomul_text *text, size_t *n_ids);
const nomul_logprob *nomul_text_logprobs(const nomul_text *text);

typedef struct nomul_text_counts {
    size_t   size;        /* set by the caller */
    uint64_t n_tokens;    /* ids of the text, the last one too */
    uint64_t n_prompt;    /* ids appended by the last prompt, BOS too */
    uint64_t n_read;      /* how many of those were read; the last counts as read with the others */
    uint64_t n_generated; /* ids sampled since the last prompt, EOS too */
} nomul_text_counts;

nomul_status nomul_text_get_counts(const nomul_text *text, nomul_text_counts *counts,
                                   nomul_error *err);

/* ---- Marks and session files ----------------------------------------------------------------- */

/*
 * A place in a text: everything that is needed to continue from there, in state_bytes and a few
 * KiB. In a file it is called a session file; it belongs to a model_id and continues bit for bit
 * with any kernels, packing, number of threads and machine.  It never changes; any thread may use
 * it.
 */
typedef struct nomul_mark nomul_mark;

/* NULL on failure. */
nomul_mark *nomul_text_mark(const nomul_text *text, nomul_error *err);
void        nomul_mark_free(nomul_mark *mark);

enum {
    NOMUL_REWIND_KEEP_GENERATOR = 1, /* the text's random numbers continue instead of the mark's */
};

/*
 * Moves a text of the same model to the place of a mark.  The text keeps its options.  It has
 * finished (NOMUL_FINISH_LENGTH) until nomul_text_prompt lets it continue.  NOMUL_E_ARG: a mark of
 * another model, or one that was loaded without a model.
 */
nomul_status nomul_text_rewind(nomul_text *text, const nomul_mark *mark, unsigned flags,
                               nomul_error *err);

/*
 * Reads a session file.  Every byte is checked.  With a model, the file must be of that model
 * (NOMUL_E_ARG otherwise) and the mark can be rewound to; with NULL it serves the queries below
 * only.  cancel may be NULL: then the model's flag counts.  NULL on failure.
 */
nomul_mark *nomul_mark_load(const char *path, const nomul_model *model, const nomul_cancel *cancel,
                            nomul_error *err);

/*
 * Reads the rest of the prompt, if there is any, and writes a session file of less than state_bytes
 * + 2 KiB.  A text without ids is saved as BOS alone.  The file appears whole or not at all; an
 * older file stays until then.  On failure the prompt may have been read in part.
 * NOMUL_E_CANCELLED: it was not read to its end; no file is written.
 */
nomul_status nomul_text_save(nomul_text *text, const char *path, nomul_error *err);

/*
 * What a session file of this text would not hold.  A text that continues from a file finds stop
 * strings that begin in its last NOMUL_SAVED_BYTES bytes, or later.
 */
enum {
    NOMUL_UNSAVED_BIAS = 1,   /* logit biases, ignore_eos */
    NOMUL_UNSAVED_WINDOW = 2, /* penalties look back on more than NOMUL_SAVED_IDS ids */
    NOMUL_UNSAVED_STOPS = 4,  /* the text ends inside a stop string that began before those */
};
#define NOMUL_SAVED_IDS 64
#define NOMUL_SAVED_BYTES 64
unsigned nomul_text_unsaved(const nomul_text *text);

/*
 * What a text lacks that continues from a session file, or as a fork with other options: its
 * penalties look back on ids that it does not know (NOMUL_UNSAVED_WINDOW); its last bytes are the
 * middle of a stop string that began before those it knows (NOMUL_UNSAVED_STOPS).
 */
unsigned nomul_text_missing(const nomul_text *text);

/* Owned by the mark; grows at its end. */
typedef struct nomul_mark_info {
    uint64_t                     model_id;
    uint64_t                     state_bytes;
    uint64_t                     n_tokens; /* ids of the text, the last one too */
    int32_t                      last_id;  /* not fed yet; -1: the text has no ids */
    const nomul_sampler_options *sampler;  /* of the text, without logit bias */
    uint64_t                     rng[4];   /* state of the generator, xoshiro256** */
    const int32_t               *ids;      /* the last n_ids ids that penalties know, latest last */
    size_t                       n_ids;
    const char                  *tail; /* the last n_tail bytes, in which a stop string may begin */
    size_t                       n_tail;
} nomul_mark_info;

const nomul_mark_info *nomul_mark_get_info(const nomul_mark *mark);

/* ---- Convert --------------------------------------------------------------------------------- */

typedef enum nomul_embedding {
    NOMUL_EMBEDDING_F16 = 0,
    NOMUL_EMBEDDING_F32,
    NOMUL_EMBEDDING_Q8_0,
} nomul_embedding;

/*
 * The packings, how ternary weights are stored: their names in model files, "t4" and "t5", and in
 * options, "2bit" and "1.6bit"; NULL past the last.  models/FORMAT.md compares them.
 */
const char *nomul_packing_name(size_t index);
const char *nomul_packing_option(size_t index);

typedef struct nomul_convert_options {
    size_t              size;
    nomul_embedding     embedding;    /* how the embedding is stored; default F16 */
    bool                no_tokenizer; /* leave the tokenizer out; default false */
    const char         *name;         /* general.name, UTF-8; NULL, the default: no such key */
    nomul_progress      progress;     /* bytes of tensors read, of all; default NULL */
    void               *progress_context;
    const char         *pack;    /* either name of a packing; NULL, the default: "t4" */
    const nomul_cancel *cancel;  /* default NULL */
    nomul_warning       warning; /* what was rounded, which files disagree; default NULL */
    void               *warning_context;
    nomul_temporary     temporary; /* default NULL */
    void               *temporary_context;
} nomul_convert_options;

void nomul_convert_options_init(nomul_convert_options *options);

/*
 * Reads a Hugging Face checkpoint directory (config.json, safetensors in one file or in shards,
 * tokenizer.model or tokenizer.json with what is beside it) and writes a GGUF file.  The file
 * appears under its name when it is complete and on disk; on failure nothing is left and an older
 * file stays.  Peak memory is less than twice the largest tensor + 64 MB.
 *
 * No file of the directory is replaced but a GGUF file.  An output that is a pipe, a device or, as
 * /dev/stdout, open already is written through, which takes memory for the whole model if its
 * beginning cannot be written again at the end.  That holds for all files that nomul writes.
 */
nomul_status nomul_convert(const char *directory, const char *output,
                           const nomul_convert_options *options, nomul_error *err);

/* ---- Repack ---------------------------------------------------------------------------------- */

typedef struct nomul_repack_options {
    size_t              size;
    const char         *pack;     /* either name of a packing; NULL, the default: the input's */
    nomul_progress      progress; /* bytes of tensors read, of all; default NULL */
    void               *progress_context;
    const nomul_cancel *cancel; /* default NULL */

    /* Recommended sampling to store in place of the input's; bit i of the rows: row i of
       NOMUL_SAMPLER_FIELDS.  Default: NULL and 0. */
    const nomul_sampler_options *sampling;
    uint64_t                     sampling_rows;
    nomul_temporary              temporary; /* default NULL */
    void                        *temporary_context;
} nomul_repack_options;

void nomul_repack_options_init(nomul_repack_options *options);

/*
 * Rewrites a model file with its ternary weights in another packing, or with other recommended
 * sampling.  Everything else is copied, so model_id and every logit stay the same, and repacking
 * back gives the same bytes.  Every tensor is checked.  The output appears as that of nomul_convert
 * does, and may be the input.  Memory: the largest matrix and a few rows, besides the mapped input.
 */
nomul_status nomul_repack(const char *input, const char *output,
                          const nomul_repack_options *options, nomul_error *err);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
