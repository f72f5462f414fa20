/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul: inference of MatMul-free language models (Zhu et al., arXiv 2406.02528) on a CPU.
 *
 * The whole public API.  A model is a file on disk, opened read-only; a session is one running text
 * on it; a tokenizer belongs to its model; a sampler turns logits into the next id.  The library
 * never prints, never exits, installs no signal handler, reads no environment variable and keeps
 * nothing between calls: what it has to say is in the caller's nomul_error.
 *
 * Options are structs that a function fills with defaults; the caller then changes what it wants.
 * Wherever options are taken, NULL means the defaults.  `size` is set by the init function and lets
 * the structs grow: the library reads only the first `size` bytes.
 *
 * Threads: any function may be called from any thread.  What may run at the same time depends on
 * what a function is given, and is the same for all that take it:
 *
 *   nomul_model, nomul_tokenizer   anything: they never change; a model is closed last of all
 *   nomul_session                  one call at a time, with all sessions that share its host; also
 *                                  for those that only read it: snapshot, clone, save, n_tokens
 *   nomul_sampler                  one call at a time, with all samplers that share its host
 *   nomul_decoder                  one call at a time for each
 *   plain arguments, paths         anything; of two that write one file the later stays, whole
 */
#ifndef NOMUL_H
#define NOMUL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define NOMUL_VERSION "0.1.0"

/* The version of the library linked, as NOMUL_VERSION was when it was built. */
const char *nomul_version(void);

/* ---- Errors ---------------------------------------------------------------------------------- */

typedef enum nomul_status {
    NOMUL_OK = 0,
    NOMUL_E_ARG,         /* the caller's fault: NULL, out of range, a struct of unknown size */
    NOMUL_E_IO,          /* the system refused: open, read, write, map */
    NOMUL_E_FORMAT,      /* a file is broken or is not what it says */
    NOMUL_E_UNSUPPORTED, /* a file is sound, but asks for what nomul doesn't do */
    NOMUL_E_MEMORY,      /* out of memory */
    NOMUL_E_CANCELLED,   /* a progress callback said stop */
} nomul_status;

/*
 * What went wrong, in one line without a newline: place, cause, found, expected.  The caller's,
 * last argument wherever something can fail; NULL where the words are not wanted.  Untouched on
 * success.
 */
typedef struct nomul_error {
    nomul_status code;
    char         text[1024];
} nomul_error;

/* Called now and then during long work, from the calling thread; false cancels it. */
typedef bool (*nomul_progress)(void *context, uint64_t done, uint64_t total);

/* ---- Model ----------------------------------------------------------------------------------- */

/*
 * An open model file: weights, hyper-parameters, tokenizer.  Immutable once open, so any number of
 * threads may use one at the same time, and any number of sessions.
 */
typedef struct nomul_model nomul_model;

typedef struct nomul_model_options {
    size_t      size;
    bool        in_memory;     /* read the file into memory instead of mapping it; default false */
    bool        check_tensors; /* also verify every checksum and every code; default false */
    const char *kernels; /* a name as nomul_kernels_name gives it; NULL: the best for this CPU */
} nomul_model_options;

void nomul_model_options_init(nomul_model_options *options);

/*
 * Opens a GGUF file of architecture hgrn_bit (models/FORMAT.md); takes milliseconds, whatever its
 * size, unless asked to check the tensors.  Everything read from the file is validated first.  A
 * mapped file must not shrink while it is open: the system answers with SIGBUS.  NULL on failure.
 */
nomul_model *nomul_model_open(const char *path, const nomul_model_options *options,
                              nomul_error *err);

/* The same from n_bytes of memory that stay the caller's and outlive the model. */
nomul_model *nomul_model_open_memory(const void *data, size_t n_bytes,
                                     const nomul_model_options *options, nomul_error *err);

/* Closes the model; its sessions, samplers and decoders must be gone.  NULL is fine. */
void nomul_model_close(nomul_model *model);

typedef struct nomul_model_info {
    const char *name;    /* general.name, "" if absent */
    const char *packing; /* how trits are stored: "t4" is 2 bits each, "t5" 1.6 */
    uint32_t    n_layers;
    uint32_t    dim;       /* width of the residual stream */
    uint32_t    state_dim; /* width of the recurrent state: dim * expand_ratio */
    uint32_t    ffn_dim;
    uint32_t    n_vocab;
    uint32_t    n_heads;
    uint32_t    n_ctx_train; /* information only: nothing limits the length of a text */
    bool        use_lower_bound;
    float       rms_norm_eps;
    uint64_t    model_id; /* identity of the weights, the same for every packing */
    uint64_t    file_bytes;
    uint64_t    n_params; /* of the network: embedding, gains, bounds, ternary weights */
    uint64_t    n_ternary_params;
    uint64_t    ternary_bytes; /* stored size of the ternary weights, padding and scales too */
    uint64_t    state_bytes;   /* all that a text leaves behind: n_layers * state_dim floats */
} nomul_model_info;

/*
 * The kernels of this build, one set per instruction set, plainest first: their names; NULL past
 * the last.  All give the same bits.
 */
const char *nomul_kernels_name(size_t index);

/* The name of those that this model uses. */
const char *nomul_model_kernels(const nomul_model *model);

/* The packing to prefer with them, named as in nomul_model_info. */
const char *nomul_model_best_packing(const nomul_model *model);

/* Owned by the model; never NULL. */
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

/* Fill *out with key `index` in the file's order; false past the last. */
bool nomul_model_metadata(const nomul_model *model, size_t index, nomul_metadata *out);

/* One stored tensor.  The name is not NUL-terminated and belongs to the model. */
typedef struct nomul_tensor {
    const char *name;
    size_t      n_name;
    const char *type; /* "F32" "F16" "Q8_0" "I8" "I32" */
    uint32_t    n_dims;
    uint64_t    dims[4]; /* innermost first, as in GGUF */
    uint64_t    offset;  /* bytes from the beginning of the file */
    uint64_t    n_bytes;
    uint64_t    xxh64;
} nomul_tensor;

/* Fill *out with tensor `index` in the file's order; false past the last. */
bool nomul_model_tensor(const nomul_model *model, size_t index, nomul_tensor *out);

/* ---- Session --------------------------------------------------------------------------------- */

/*
 * One running text: recurrent state, scratch memory, threads.  Many sessions may share one model,
 * which must outlive them.  One thread at a time may use a session.
 */
typedef struct nomul_session nomul_session;

typedef struct nomul_session_options {
    size_t size;
    size_t n_threads; /* 0, the default: one for each CPU that this process may use */
    size_t n_batch;   /* tokens taken through a layer together, 1..4096; 0, the default: as many
                         as 32 MiB of scratch memory hold, 48..384 */
} nomul_session_options;

void nomul_session_options_init(nomul_session_options *options);

/*
 * Bytes that nomul_session_new would take for its text and its passes; the threads themselves take
 * some more.  0 if options are out of range.
 */
size_t nomul_session_memory(const nomul_model *model, const nomul_session_options *options);

/*
 * All memory is taken here; the pass allocates nothing and the state has a fixed size, however long
 * the text grows.  Results don't depend on n_threads or n_batch: the same bits.  NULL on failure.
 */
nomul_session *nomul_session_new(const nomul_model *model, const nomul_session_options *options,
                                 nomul_error *err);
void           nomul_session_free(nomul_session *session); /* NULL is fine */

/* Back to the state before the first token. */
void nomul_session_reset(nomul_session *session);

typedef enum nomul_logits {
    NOMUL_LOGITS_NONE = 0, /* logits may be NULL */
    NOMUL_LOGITS_LAST,     /* of the last id: float[n_vocab] */
    NOMUL_LOGITS_ALL,      /* of each id: float[n_ids][n_vocab] */
} nomul_logits;

/*
 * Takes n_ids ids through the model and writes the logits asked for: scores of the token that
 * follows.  Ids are checked before the state changes; an id outside the vocabulary is NOMUL_E_ARG.
 * n_ids = 0 does nothing.  Feeding ids together, in parts or one by one gives the same bits.
 */
nomul_status nomul_session_feed(nomul_session *session, const int32_t *ids, size_t n_ids,
                                nomul_logits which, float *logits, nomul_error *err);

/* Ids fed since the beginning or the last reset. */
uint64_t nomul_session_n_tokens(const nomul_session *session);
size_t   nomul_session_n_threads(const nomul_session *session);
size_t   nomul_session_n_batch(const nomul_session *session);

/*
 * Scores a text: logprobs[i], of float[n_ids - 1], becomes the natural logarithm of the probability
 * of ids[i + 1] after ids[0..i] and all that was fed before.  The last id is not fed: it is the
 * first of the next call, so a text may come in parts of at least two ids.  Takes memory for the
 * logits of a few tokens while it runs.
 */
nomul_status nomul_session_score(nomul_session *session, const int32_t *ids, size_t n_ids,
                                 float *logprobs, nomul_error *err);

/* ---- Many texts ------------------------------------------------------------------------------ */

/*
 * A session that shares scratch memory and threads with `host`, which may itself share: all it has
 * of its own is the state, info.state_bytes and less than 1 KiB.  It begins with an empty text.
 * One thread at a time may use any of the sessions that share; they are freed in any order, the
 * one that was made by nomul_session_new last.  NULL on failure.
 */
nomul_session *nomul_session_share(nomul_session *host, nomul_error *err);

/* What comes next of one of many texts. */
typedef struct nomul_feed {
    nomul_session *session;
    const int32_t *ids;
    size_t         n_ids;
    bool           logits; /* of its last id; n_ids > 0 then */
} nomul_feed;

/*
 * Takes the ids of several texts through the model together: the weights are read once for up to
 * n_batch tokens of all.  The sessions share one host, none comes twice.  logits gets a row of
 * float[n_vocab] for each feed that asks for one, in the order of feeds.  Each text's bits are
 * those of nomul_session_feed on its own; no state changes if an argument is wrong.
 */
nomul_status nomul_session_feed_many(const nomul_feed *feeds, size_t n_feeds, float *logits,
                                     nomul_error *err);

/* ---- A text's memory ------------------------------------------------------------------------- */

/*
 * All that a text leaves behind, as bytes to keep or to copy: nomul_snapshot_bytes of them, a few
 * more than info.state_bytes, the same for every text, machine and packing of a model.  Any thread
 * may hold them; taking and restoring are the session's thread's.  Restoring bytes that are not a
 * snapshot of this model is NOMUL_E_ARG and changes nothing.
 */
size_t       nomul_snapshot_bytes(const nomul_model *model);
nomul_status nomul_session_snapshot(const nomul_session *session, void *snapshot, size_t n_bytes,
                                    nomul_error *err);
nomul_status nomul_session_restore(nomul_session *session, const void *snapshot, size_t n_bytes,
                                   nomul_error *err);

/*
 * Another session at the same place of the same text: with scratch memory and threads of its own,
 * or sharing the host's if this one does.  NULL on failure.
 */
nomul_session *nomul_session_clone(const nomul_session *session, nomul_error *err);

/* ---- Tokenizer ------------------------------------------------------------------------------- */

/* Text to ids and back: SentencePiece BPE as Llama's and Mistral's.  Immutable, a model's own. */
typedef struct nomul_tokenizer nomul_tokenizer;

/* NULL if the model was converted without one. */
const nomul_tokenizer *nomul_model_tokenizer(const nomul_model *model);

enum {
    NOMUL_TOKENIZE_ADD_SPECIAL = 1,   /* BOS in front, EOS behind, where the model wants them */
    NOMUL_TOKENIZE_PARSE_SPECIAL = 2, /* control tokens spelled in the text become their ids */
    NOMUL_TOKENIZE_NO_PREFIX = 4,     /* no blank in front: this text continues another */
};

/* No text of n_bytes makes more ids than this; SIZE_MAX if that can't be counted. */
size_t nomul_tokenize_bound(size_t n_bytes);

/*
 * Writes the ids of text[0..n_bytes) to ids[0..capacity) and their number to *n_ids.  The text may
 * hold any bytes, NUL and invalid UTF-8 too: what no piece spells goes byte by byte.  Takes n log n
 * time and some temporary memory.  NOMUL_E_ARG if the ids don't fit (*n_ids then says how many).
 */
nomul_status nomul_tokenize(const nomul_tokenizer *tokenizer, const char *text, size_t n_bytes,
                            unsigned flags, int32_t *ids, size_t capacity, size_t *n_ids,
                            nomul_error *err);

/* The numbers are GGUF's token types. */
typedef enum nomul_token_type {
    NOMUL_TOKEN_NORMAL = 1,
    NOMUL_TOKEN_UNKNOWN = 2,
    NOMUL_TOKEN_CONTROL = 3,
    NOMUL_TOKEN_USER_DEFINED = 4,
    NOMUL_TOKEN_UNUSED = 5,
    NOMUL_TOKEN_BYTE = 6,
} nomul_token_type;

size_t nomul_token_count(const nomul_tokenizer *tokenizer);
int32_t
nomul_token_bos(const nomul_tokenizer *tokenizer); /* -1 if there is none; so are the next */
int32_t nomul_token_eos(const nomul_tokenizer *tokenizer);
int32_t nomul_token_unk(const nomul_tokenizer *tokenizer);

/* The piece as the vocabulary spells it, not NUL-terminated; NULL for an id outside. */
const char *nomul_token_piece(const nomul_tokenizer *tokenizer, int32_t id, size_t *n_bytes,
                              nomul_token_type *type);

/*
 * Ids to text, one at a time.  Bytes of an unfinished UTF-8 character are held back until it is
 * whole.  Must not outlive its tokenizer.  One thread at a time.
 */
typedef struct nomul_decoder nomul_decoder;

enum {
    NOMUL_DECODE_STRIP_BLANK = 1, /* a blank in front of the first piece is not text: drop it */
    NOMUL_DECODE_SPECIAL = 2,     /* control tokens are written as they are spelled, not dropped */
};

nomul_decoder *nomul_decoder_new(const nomul_tokenizer *tokenizer, unsigned flags,
                                 nomul_error *err);
void           nomul_decoder_free(nomul_decoder *decoder); /* NULL is fine */

/*
 * The bytes that id makes certain, *n_bytes of them, perhaps none.  They belong to the decoder and
 * last until the next call.  NULL for an id outside the vocabulary.
 */
const char *nomul_decoder_push(nomul_decoder *decoder, int32_t id, size_t *n_bytes);

/* The bytes still held back, raw; the decoder is then as new. */
const char *nomul_decoder_flush(nomul_decoder *decoder, size_t *n_bytes);

/* ---- Sampler --------------------------------------------------------------------------------- */

/*
 * Logits to the next id.  Order: logit bias, penalties, top-k, top-p, min-p, temperature, draw;
 * among equal logits the lower id comes first.  The generator is xoshiro256** seeded through
 * splitmix64, one 53-bit draw a token, so a seed gives the same ids on every machine.  One thread
 * at a time.
 */
typedef struct nomul_sampler nomul_sampler;

typedef struct nomul_logit_bias {
    int32_t id;
    float   bias; /* added to the logit; -INFINITY forbids the id */
} nomul_logit_bias;

typedef struct nomul_sampler_options {
    size_t   size;
    float    temp;              /* 0.8; 0 takes the likeliest */
    int32_t  top_k;             /* 40; 0 is off */
    float    top_p;             /* 0.95; 1 is off */
    float    min_p;             /* 0.05; 0 is off */
    float    repeat_penalty;    /* 1 is off: logits of seen ids are divided by it, or multiplied
                                   where negative */
    int32_t  repeat_last_n;     /* 64: how many ids back the penalties look; -1 is all, 0 is off */
    float    presence_penalty;  /* 0: subtracted once for a seen id */
    float    frequency_penalty; /* 0: subtracted for each time an id was seen */
    uint64_t seed;              /* 0 */
    const nomul_logit_bias *logit_bias; /* copied; NULL if n_logit_bias is 0 */
    size_t                  n_logit_bias;
} nomul_sampler_options;

void nomul_sampler_options_init(nomul_sampler_options *options);

nomul_sampler *nomul_sampler_new(size_t n_vocab, const nomul_sampler_options *options,
                                 nomul_error *err);
void           nomul_sampler_free(nomul_sampler *sampler); /* NULL is fine */

/*
 * A sampler for another text that draws in the memory of `host`, which may itself share: of its own
 * it has what the penalties see, 4 bytes for each id of the vocabulary and for each of the ids they
 * look back, at least 64, the logit biases, and less than 1 KiB.  It may keep as many ids as the
 * host does, so a host with top_k = 0 fits all; more is NOMUL_E_ARG.  One thread at a time may use
 * any of those that share; they are freed in any order, the one made by nomul_sampler_new last.
 * NULL on failure.
 */
nomul_sampler *nomul_sampler_share(nomul_sampler *host, const nomul_sampler_options *options,
                                   nomul_error *err);

/* Tells the sampler of an id of the text, read or made, for the penalties. */
void nomul_sampler_accept(nomul_sampler *sampler, int32_t id);

/* Draws an id from logits[n_vocab], which stay as they are.  It is not accepted by this. */
int32_t nomul_sampler_sample(nomul_sampler *sampler, const float *logits);

/*
 * Where a sampler stands.  Penalties are told of the last ids only: with a longer repeat_last_n the
 * ids before them are forgotten.
 */
#define NOMUL_SAMPLER_LAST 64
typedef struct nomul_sampler_state {
    uint64_t rng[4]; /* xoshiro256**, never all zero */
    uint32_t n_last;
    int32_t  last[NOMUL_SAMPLER_LAST]; /* n_last ids accepted, the latest last */
} nomul_sampler_state;

void nomul_sampler_get_state(const nomul_sampler *sampler, nomul_sampler_state *state);

/* The draws that follow are those that would have followed there.  NOMUL_E_ARG: no such state. */
nomul_status nomul_sampler_set_state(nomul_sampler *sampler, const nomul_sampler_state *state,
                                     nomul_error *err);

typedef struct nomul_logprob {
    int32_t id;
    float   logprob; /* natural logarithm of the probability under softmax(logits) */
} nomul_logprob;

/*
 * The n_best likeliest ids of logits[n_vocab] in falling order, ties by id, and, if `of` is not
 * NULL, the log-probability of of->id into of->logprob.  n_best <= n_vocab.
 */
void nomul_logprobs(const float *logits, size_t n_vocab, nomul_logprob *best, size_t n_best,
                    nomul_logprob *of);

/* ---- Session files --------------------------------------------------------------------------- */

/* What a session file says beside the state. */
typedef struct nomul_saved {
    uint64_t              model_id;
    uint64_t              state_bytes;
    uint64_t              n_tokens;      /* of the text, the last one too */
    int32_t               last_id;       /* not fed yet: feeding it gives the logits to draw from */
    nomul_sampler_options sampler;       /* no logit bias */
    nomul_sampler_state   sampler_state; /* last_id has been accepted */
} nomul_saved;

/*
 * Writes a text to a file of less than state_bytes + 2 KiB: the session's state, the id that comes
 * next, and the sampler (NULL: as if by default options, told of last_id only).  The file appears
 * whole or not at all, and an older one stays until then.  It belongs to the model_id: any packing,
 * machine and number of threads goes on with it bit for bit.  Thread: the session's, and no other
 * uses the sampler meanwhile.
 */
nomul_status nomul_session_save(const nomul_session *session, int32_t last_id,
                                const nomul_sampler *sampler, const char *path, nomul_error *err);

/*
 * Reads it back into a session of the same model_id; *saved (may be NULL) says the rest.  Every
 * byte is checked first: on failure the session and *saved are as before.  NOMUL_E_ARG: it is of
 * another model.  Thread: the session's.
 */
nomul_status nomul_session_load(nomul_session *session, const char *path, nomul_saved *saved,
                                nomul_error *err);

/* What a session file says, without a model; its checksum and values are checked.  Any thread. */
nomul_status nomul_saved_read(const char *path, nomul_saved *saved, nomul_error *err);

/* ---- Convert --------------------------------------------------------------------------------- */

typedef enum nomul_embedding {
    NOMUL_EMBEDDING_F16 = 0,
    NOMUL_EMBEDDING_F32,
    NOMUL_EMBEDDING_Q8_0,
} nomul_embedding;

/* How ternary weights are stored; models/FORMAT.md says which is better where. */
typedef enum nomul_packing {
    NOMUL_PACKING_T4 = 0, /* 2 bits each */
    NOMUL_PACKING_T5,     /* 1.6 bits each */
} nomul_packing;

typedef struct nomul_convert_options {
    size_t          size;
    nomul_embedding embedding;    /* how the embedding is stored; default F16 */
    bool            no_tokenizer; /* leave the tokenizer out: the model is fed with ids */
    const char     *name;         /* general.name, UTF-8; NULL, the default: no such key */
    nomul_progress  progress;     /* bytes of tensors read, of all; NULL, the default: none */
    void           *progress_context;
    nomul_packing   pack; /* default T4 */
} nomul_convert_options;

void nomul_convert_options_init(nomul_convert_options *options);

/*
 * Reads a Hugging Face checkpoint directory (config.json, safetensors in one file or shards,
 * tokenizer.model or tokenizer.json) and writes a GGUF file.  The file appears under its name only
 * when it is complete and on disk; on any failure nothing is left behind and an older file stays.
 * Peak memory is less than twice the largest tensor + 64 MB.
 */
nomul_status nomul_convert(const char *directory, const char *output,
                           const nomul_convert_options *options, nomul_error *err);

/* ---- Repack ---------------------------------------------------------------------------------- */

typedef struct nomul_repack_options {
    size_t         size;
    nomul_packing  pack;     /* default T4 */
    nomul_progress progress; /* bytes of tensors read, of all; NULL, the default: none */
    void          *progress_context;
} nomul_repack_options;

void nomul_repack_options_init(nomul_repack_options *options);

/*
 * Writes a model file anew with its ternary weights in another packing.  All else is copied, so
 * model_id and every logit stay the same, and the way there and back gives the same bytes.  Every
 * tensor is checked on the way; the output appears as that of nomul_convert does, and may be the
 * input.  Memory: the largest matrix and a few rows, beside the mapped input.
 */
nomul_status nomul_repack(const char *input, const char *output,
                          const nomul_repack_options *options, nomul_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
