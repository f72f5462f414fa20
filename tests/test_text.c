/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The property of a text: one go == save and load == turns == stepped with others == fork ==
 * rewind, byte for byte in text and in the saved file, at every split, for random prompts, seeds,
 * sampler options and stop strings.  Prompts: empty, spaces, ending in half a character, with
 * control tokens.
 */
#include "checkpoints.h"
#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"

#include <stdlib.h>

enum { N_TOKENS = 14, MAX_PROMPT = 48, MAX_OUT = 4096, N_OTHERS = 3 };

static nomul_error err;

/* What is asked for in one trial. */
typedef struct trial {
    char                  prompt[MAX_PROMPT];
    size_t                n_prompt;
    char                  stop[16];
    const char           *stops[2];
    nomul_logit_bias      bias; /* towards a piece with a leading space, in some trials */
    nomul_sampler_options sampler;
    nomul_text_options    options;
} trial;

/* What comes out. */
typedef struct result {
    char         bytes[MAX_OUT];
    size_t       n_bytes;
    nomul_finish finish;
    uint64_t     n_generated;
    int32_t      ids[N_TOKENS * 16]; /* a token that a stop string cuts may become several */
    size_t       n_ids;
    char        *file; /* the saved text */
    size_t       n_file;
} result;

typedef struct fixture {
    nomul_model   *model;
    nomul_session *session;
    nm_rng         rng;
    int32_t        space_id; /* a piece with a leading space */
    char           path[1024];
} fixture;

/* ---- Trials ---------------------------------------------------------------------------------- */

static void random_prompt(fixture *f, trial *t)
{
    static const char *const given[] = {"",         " ",    "   ",        "the\xE2\x82",
                                        "\xF0\x9F", "<s>",  "a<s>b </s>", " a b",
                                        "ab ",      "\n\n", "\xFF\xFE a"};
    size_t                   n_given = sizeof given / sizeof *given;
    size_t                   pick = (size_t)nm_rng_below(&f->rng, 2 * n_given);

    t->n_prompt = pick < n_given ? strlen(given[pick]) : (size_t)nm_rng_below(&f->rng, MAX_PROMPT);
    if (pick < n_given) memcpy(t->prompt, given[pick], t->n_prompt);
    for (size_t i = 0; pick >= n_given && i < t->n_prompt; i++)
        t->prompt[i] = pick % 2 ? " abcdeilnorstu"[nm_rng_below(&f->rng, 14)]
                                : (char)nm_rng_below(&f->rng, 256);
}

static void random_options(fixture *f, trial *t)
{
    static const float temps[] = {0, 0.7f, 1.5f, 40};

    nomul_sampler_options_init(&t->sampler);
    t->sampler.temp = temps[nm_rng_below(&f->rng, 4)];
    t->sampler.top_k = (int32_t)nm_rng_below(&f->rng, 3) * 20;
    t->sampler.repeat_penalty = nm_rng_below(&f->rng, 2) ? 1 : 1.4f;
    t->sampler.frequency_penalty = nm_rng_below(&f->rng, 2) ? 0 : 0.3f;
    t->sampler.repeat_last_n = (int32_t)nm_rng_below(&f->rng, 65);
    t->sampler.seed = nm_rng_next(&f->rng);
    if (nm_rng_below(&f->rng, 2)) {
        bool special = nm_rng_below(&f->rng, 3) == 0; /* towards BOS, a control token */
        t->bias = (nomul_logit_bias){special ? 1 : f->space_id, 6};
        t->sampler.logit_bias = &t->bias, t->sampler.n_logit_bias = 1;
    }
    nomul_text_options_init(&t->options);
    t->options.sampler = &t->sampler;
    t->options.special = nm_rng_below(&f->rng, 2);
    t->options.n_predict = N_TOKENS;
}

/* ---- Ways to get there ----------------------------------------------------------------------- */

static nomul_text *new_text(const fixture *f, const trial *t, int64_t n_predict)
{
    nomul_text_options options = t->options;

    options.n_predict = n_predict;
    nomul_text *text = nomul_text_new(f->session, &options, &err);
    CHECK_OK(text != NULL, err);
    return text;
}

static void prompt(nomul_text *text, const char *bytes, size_t n)
{
    CHECK_OK(nomul_text_prompt(text, bytes, n, &err) == NOMUL_OK, err);
}

/* One step of it, alone or with others; its bytes are added. */
static void step(nomul_text *text, nomul_text **others, size_t n_others, result *r)
{
    nomul_text *all[N_OTHERS + 1] = {text};
    size_t      n = 0;

    for (size_t i = 0; i < n_others; i++) all[i + 1] = others[i];
    CHECK_OK(nomul_text_step(all, n_others + 1, &err) == NOMUL_OK, err);
    const char *bytes = nomul_text_bytes(text, &n);
    CHECK(r->n_bytes + n <= MAX_OUT);
    memcpy(r->bytes + r->n_bytes, bytes, n);
    r->n_bytes += n;
    const int32_t *ids = nomul_text_ids(text, &n);
    CHECK(r->n_ids + n <= sizeof r->ids / sizeof *r->ids && (n > 0) == (nomul_text_id(text) >= 0));
    memcpy(r->ids + r->n_ids, ids, n * sizeof *ids);
    r->n_ids += n;
    r->n_generated += nomul_text_id(text) >= 0;
    r->finish = nomul_text_finish(text);
}

static void run(nomul_text *text, result *r)
{
    while (nomul_text_finish(text) == NOMUL_FINISH_NONE) step(text, NULL, 0, r);
}

/* Not over the last one: ext4 has what replaces a file go to the disk at once. */
static void save_file(const fixture *f, nomul_text *text)
{
    remove(f->path);
    CHECK_OK(nomul_text_save(text, f->path, &err) == NOMUL_OK, err);
}

/* The ids that the text got are the last ones of it, in the order of the steps. */
static void check_ids(const nomul_text *text, const result *r)
{
    nomul_mark            *mark = nomul_text_mark(text, &err);
    const nomul_mark_info *info = nomul_mark_get_info(mark);

    CHECK(r->n_ids <= info->n_ids);
    CHECK_MEM(info->ids + info->n_ids - r->n_ids, r->ids, r->n_ids * sizeof *r->ids, "the ids");
    nomul_mark_free(mark);
}

static void save(const fixture *f, nomul_text *text, result *r)
{
    save_file(f, text);
    r->file = test_read_file(f->path, &r->n_file);
    check_ids(text, r);
}

static void check(const result *got, const result *want, const char *way, size_t split)
{
    CHECK_THAT(got->n_bytes == want->n_bytes && memcmp(got->bytes, want->bytes, want->n_bytes) == 0,
               "%s at %zu: text is \"%.*s\", in one go \"%.*s\"", way, split, (int)got->n_bytes,
               got->bytes, (int)want->n_bytes, want->bytes);
    CHECK_THAT(got->finish == want->finish, "%s at %zu: finish %d, in one go %d", way, split,
               (int)got->finish, (int)want->finish);
    CHECK_THAT(got->n_file == want->n_file && memcmp(got->file, want->file, want->n_file) == 0,
               "%s at %zu: the saved file differs", way, split);
}

static result one_go(const fixture *f, const trial *t)
{
    nomul_text *text = new_text(f, t, N_TOKENS);
    result      r = {.n_bytes = 0};

    prompt(text, t->prompt, t->n_prompt);
    run(text, &r);
    save(f, text, &r);
    nomul_text_free(text);
    return r;
}

/* The first part of a text, which may finish it by EOS or a stop string. */
static nomul_text *first_part(const fixture *f, const trial *t, size_t split, result *r)
{
    nomul_text *text = new_text(f, t, (int64_t)split);

    prompt(text, t->prompt, t->n_prompt);
    run(text, r);
    return text;
}

static bool is_over(const result *r)
{
    return r->finish != NOMUL_FINISH_LENGTH;
}

/* Saved, and continued by a text that knows the file's sampler options only. */
static void by_file(const fixture *f, const trial *t, size_t split, const result *want)
{
    result      r = {.n_bytes = 0};
    nomul_text *text = first_part(f, t, split, &r);

    save_file(f, text);
    nomul_mark *mark = nomul_mark_load(f->path, f->model, NULL, &err);
    CHECK_OK(mark != NULL, err);
    nomul_text_free(text);
    nomul_text_options    options = t->options;
    nomul_sampler_options sampler = *nomul_mark_get_info(mark)->sampler;
    sampler.logit_bias = t->sampler.logit_bias, sampler.n_logit_bias = t->sampler.n_logit_bias;
    options.sampler = &sampler;
    options.n_predict = N_TOKENS - (int64_t)split;
    text = nomul_text_new(f->session, &options, &err);
    CHECK_OK(text != NULL, err);
    CHECK_OK(nomul_text_rewind(text, mark, 0, &err) == NOMUL_OK, err);
    nomul_mark_free(mark);
    if (!is_over(&r)) prompt(text, "", 0);
    if (!is_over(&r)) run(text, &r);
    save(f, text, &r);
    check(&r, want, "save and load", split);
    free(r.file);
    nomul_text_free(text);
}

/* In turns of `split` tokens with empty prompts between them, as run -i does. */
static void by_turns(const fixture *f, const trial *t, size_t split, const result *want)
{
    result r = {.n_bytes = 0};

    if (split == 0 || N_TOKENS % split != 0) return;
    nomul_text *text = first_part(f, t, split, &r);
    for (size_t at = split; at < N_TOKENS && !is_over(&r); at += split) {
        CHECK_OK(nomul_text_read(text, &err) == NOMUL_OK, err);
        prompt(text, NULL, 0);
        run(text, &r);
    }
    save(f, text, &r);
    check(&r, want, "turns", split);
    free(r.file);
    nomul_text_free(text);
}

/*
 * A fork in the middle of it: both continue alike, and a fork of the options continues elsewhere.
 */
static void by_fork(const fixture *f, const trial *t, size_t split, const result *want)
{
    nomul_text *text = new_text(f, t, N_TOKENS);
    result      r = {.n_bytes = 0};

    prompt(text, t->prompt, t->n_prompt);
    while (r.n_generated < split && !nomul_text_finish(text)) step(text, NULL, 0, &r);
    nomul_text *fork = nomul_text_fork(text, NULL, &err);
    CHECK_OK(fork != NULL, err);
    result second = r;
    run(text, &r);
    run(fork, &second);
    save(f, text, &r);
    save(f, fork, &second);
    check(&r, want, "forked", split);
    check(&second, want, "fork", split);
    free(r.file), free(second.file);
    nomul_text_free(text);
    nomul_text_free(fork);
}

/* To the end, back to the split, and to the end again. */
static void by_rewind(const fixture *f, const trial *t, size_t split, const result *want)
{
    nomul_text *text = new_text(f, t, N_TOKENS);
    result      r = {.n_bytes = 0};

    prompt(text, t->prompt, t->n_prompt);
    while (r.n_generated < split && !nomul_text_finish(text)) step(text, NULL, 0, &r);
    nomul_mark *mark = nomul_text_mark(text, &err);
    CHECK_OK(mark != NULL, err);
    result back = r;
    run(text, &r);
    CHECK_OK(nomul_text_rewind(text, mark, 0, &err) == NOMUL_OK, err);
    nomul_mark *again = nomul_text_mark(text, &err);
    CHECK_OK(again != NULL, err);
    nomul_text_free(text);
    text = new_text(f, t, N_TOKENS - (int64_t)back.n_generated); /* what is left of its budget */
    CHECK_OK(nomul_text_rewind(text, again, 0, &err) == NOMUL_OK, err);
    if (!back.finish) prompt(text, "", 0);
    if (!back.finish) run(text, &back);
    save(f, text, &back);
    check(&back, want, "rewind", split);
    free(back.file);
    nomul_mark_free(mark);
    nomul_mark_free(again);
    nomul_text_free(text);
}

/* Stepped together with others that read and generate; they join at the split. */
static void by_batch(const fixture *f, const trial *t, size_t split, const result *want)
{
    nomul_text *text = new_text(f, t, N_TOKENS), *others[N_OTHERS];
    result      r = {.n_bytes = 0};

    prompt(text, t->prompt, t->n_prompt);
    while (r.n_generated < split && !nomul_text_finish(text)) step(text, NULL, 0, &r);
    for (size_t i = 0; i < N_OTHERS; i++) {
        others[i] = nomul_text_fork(text, &t->options, &err);
        CHECK_OK(others[i] != NULL, err);
        prompt(others[i], "a longer prompt than the batch holds at once", 10 + 17 * i);
    }
    while (!nomul_text_finish(text)) step(text, others, N_OTHERS, &r);
    for (size_t i = 0; i < N_OTHERS; i++) nomul_text_free(others[i]);
    save(f, text, &r);
    check(&r, want, "batch", split);
    free(r.file);
    nomul_text_free(text);
}

/* The prompt in two parts, cut where its ids can be cut. */
static void by_parts(const fixture *f, const trial *t, const result *want)
{
    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(f->model);
    size_t                 cut = nomul_tokenize_cut(tokenizer, t->prompt, t->n_prompt, 1);
    result                 r = {.n_bytes = 0};

    if (t->options.special || cut == 0 || cut == t->n_prompt) return;
    nomul_text *text = new_text(f, t, N_TOKENS);
    prompt(text, t->prompt, cut);
    prompt(text, t->prompt + cut, t->n_prompt - cut);
    run(text, &r);
    save(f, text, &r);
    check(&r, want, "prompt in parts", cut);
    free(r.file);
    nomul_text_free(text);
}

/* ---- The property ---------------------------------------------------------------------------- */

static void try_all(fixture *f, const trial *t)
{
    result want = one_go(f, t);

    for (size_t split = 0; split <= N_TOKENS; split++) {
        by_file(f, t, split, &want);
        by_turns(f, t, split, &want);
        by_fork(f, t, split, &want);
        by_rewind(f, t, split, &want);
        by_batch(f, t, split, &want);
    }
    by_parts(f, t, &want);
    free(want.file);
}

/* A stop string that will occur: some bytes of what is generated, from the prompt's end on. */
static void take_stop(fixture *f, trial *t)
{
    result free_run = one_go(f, t);
    size_t n = free_run.n_bytes ? 1 + (size_t)nm_rng_below(&f->rng, 6) : 0;
    size_t from = free_run.n_bytes ? (size_t)nm_rng_below(&f->rng, free_run.n_bytes) : 0;

    if (n > free_run.n_bytes - from) n = free_run.n_bytes - from;
    memcpy(t->stop, free_run.bytes + from, n);
    t->stop[n] = '\0';
    t->stops[0] = "no such text anywhere", t->stops[1] = t->stop;
    t->options.stops = t->stops;
    t->options.n_stops = t->stop[0] ? 2 : 1;
    free(free_run.file);
}

static void test_property(fixture *f)
{
    for (int i = 0; i < test_trials(8, 100); i++) {
        trial t = {.n_prompt = 0};

        test_case("one go, file, turns, fork, rewind, batch: trial %d", i);
        random_prompt(f, &t);
        random_options(f, &t);
        try_all(f, &t);
        take_stop(f, &t);
        try_all(f, &t);
    }
}

/* ---- Characters ------------------------------------------------------------------------------ */

static void save_and_load(fixture *f, nomul_text **text, const trial *t)
{
    CHECK_OK(nomul_text_save(*text, f->path, &err) == NOMUL_OK, err);
    nomul_mark *mark = nomul_mark_load(f->path, f->model, NULL, &err);
    CHECK_OK(mark != NULL, err);
    nomul_text_free(*text);
    *text = new_text(f, t, -1);
    CHECK_OK(nomul_text_rewind(*text, mark, 0, &err) == NOMUL_OK, err);
    nomul_mark_free(mark);
}

static int32_t find_byte(const fixture *f, const char *spelled)
{
    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(f->model);
    size_t                 n = 0;
    int32_t                id = 0;

    for (const char *piece; (piece = nomul_token_piece(tokenizer, id, &n, NULL)) != NULL; id++)
        if (n == 6 && memcmp(piece, spelled, 6) == 0) break;
    return id;
}

/* A text whose next id is forced by a bias, in the place of the last one. */
static nomul_text *force(nomul_text *text, int32_t id, result *r)
{
    nomul_logit_bias      bias = {id, 1e6f};
    nomul_sampler_options sampler;
    nomul_text_options    options;

    nomul_sampler_options_init(&sampler);
    sampler.logit_bias = &bias, sampler.n_logit_bias = 1;
    nomul_text_options_init(&options);
    options.sampler = &sampler;
    nomul_text *fork = nomul_text_fork(text, &options, &err);
    CHECK_OK(fork != NULL, err);
    nomul_text_free(text);
    prompt(fork, "", 0);
    r->n_bytes = 0;
    step(fork, NULL, 0, r);
    CHECK_INT(nomul_text_id(fork), id);
    return fork;
}

static void test_characters(fixture *f)
{
    static const char *const bytes[] = {"<0xE2>", "<0x96>", "<0x81>"};
    static const size_t      shown[] = {0, 0, 3};
    trial                    t = {.n_prompt = 0};
    result                   r = {.n_bytes = 0};

    test_case("bytes of a character are held until it is complete");
    nomul_text_options_init(&t.options);
    nomul_text *text = new_text(f, &t, -1);
    prompt(text, "a", 1);
    for (size_t i = 0; i < 3; i++) {
        text = force(text, find_byte(f, bytes[i]), &r);
        CHECK_INT(r.n_bytes, shown[i]);
    }
    CHECK_MEM(r.bytes, "\xE2\x96\x81", 3, "the character");
    text = force(text, find_byte(f, "<0xE2>"), &r);
    text = force(text, find_byte(f, "<0x41>"), &r);
    CHECK_INT(r.n_bytes, 2);

    test_case("held bytes are saved, and continue the character");
    text = force(text, find_byte(f, "<0xE2>"), &r);
    save_and_load(f, &text, &t);
    text = force(text, find_byte(f, "<0x96>"), &r);
    save_and_load(f, &text, &t);
    text = force(text, find_byte(f, "<0x81>"), &r);
    CHECK_INT(r.n_bytes, 3);
    CHECK_MEM(r.bytes, "\xE2\x96\x81", 3, "the character");

    test_case("a prompt shows the held bytes first, and is no output itself");
    text = force(text, find_byte(f, "<0xE2>"), &r);
    CHECK_INT(r.n_bytes, 0);
    size_t n = 0;
    prompt(text, " dogs XYZ", 9);
    const char *shown_now = nomul_text_bytes(text, &n);
    CHECK(n == 1 && shown_now[0] == '\xE2');
    r.n_bytes = 0;
    step(text, NULL, 0, &r);
    CHECK(r.n_bytes == 0 || r.bytes[0] != 'Z');
    nomul_text_free(text);
}

/* ---- Stop strings ---------------------------------------------------------------------------- */

/* The ids of an answer spell its bytes. */
static void check_decoded(const fixture *f, const result *r)
{
    nomul_decoder *decoder = nomul_decoder_new(nomul_model_tokenizer(f->model), 0, &err);
    char           bytes[MAX_OUT];
    size_t         n = 0, n_piece = 0;

    for (size_t i = 0; i <= r->n_ids; i++) {
        const char *piece = i < r->n_ids ? nomul_decoder_push(decoder, r->ids[i], &n_piece)
                                         : nomul_decoder_flush(decoder, &n_piece);
        memcpy(bytes + n, piece, n_piece);
        n += n_piece;
    }
    CHECK_INT(n, r->n_bytes);
    CHECK_MEM(bytes, r->bytes, r->n_bytes, "the ids as text");
    nomul_decoder_free(decoder);
}

/* What a text has shown is what its state has: its ids as text are the prompt and the bytes. */
static void test_stop_inside_token(void)
{
    nomul_model *model = test_open_stories("14m");
    const char  *stop = "ther", *prefix = "Once upon a time";
    char         path[1024];

    test_case("a stop string inside a token: the token is replaced by what was shown of it");
    if (!model) return;
    snprintf(path, sizeof path, "%s", test_scratch("inside.nms"));
    fixture f = {.model = model, .session = test_session(model, 1, 16)};
    trial   t = {.n_prompt = 0};
    snprintf(f.path, sizeof f.path, "%s", path);
    nomul_sampler_options_init(&t.sampler);
    t.sampler.temp = 0;
    nomul_text_options_init(&t.options);
    t.options.sampler = &t.sampler;
    t.options.stops = &stop, t.options.n_stops = 1;

    result      r = {.n_bytes = 0}, plain = {.n_bytes = 0};
    nomul_text *text = new_text(&f, &t, 12);
    prompt(text, prefix, strlen(prefix));
    run(text, &r);
    CHECK_INT(r.finish, NOMUL_FINISH_STOP);
    CHECK(r.n_bytes == 6 && memcmp(r.bytes, ", ther", 6) == 0);
    check_decoded(&f, &r);
    save(&f, text, &r);

    nomul_text *same = new_text(&f, &t, 0);
    prompt(same, "Once upon a time, ther", 22);
    run(same, &plain);
    save(&f, same, &plain);
    CHECK_INT(plain.n_file, r.n_file);
    CHECK_MEM(r.file + 384, plain.file + 384, r.n_file - 384 - 8, "state or tail");
    nomul_text_free(text);
    nomul_text_free(same);
    free(r.file), free(plain.file);
    nomul_session_free(f.session);
    nomul_model_close(model);
}

/* ---- What a call must not touch -------------------------------------------------------------- */

/* A file may claim the model_id of another model: its shape decides. */
static void test_forged_model(const fixture *f)
{
    size_t              n_file = 0;
    char               *file = test_read_file(test_path("../models/tiny.gguf"), &n_file);
    char               *bytes = nm_alloc(n_file);
    static const char   key[] = "hgrn_bit.model_id";
    uint64_t            id = nomul_model_get_info(f->model)->model_id;
    nomul_text         *text = nomul_text_new(f->session, NULL, &err);
    nomul_model_options options;

    test_case("a mark of a model of the same id and another shape is refused");
    prompt(text, "the", 3);
    nomul_mark *mark = nomul_text_mark(text, &err);
    nomul_text_free(text);
    memcpy(bytes, file, n_file);
    free(file);
    for (size_t at = 0; at + sizeof key < n_file; at++)
        if (memcmp(bytes + at, key, sizeof key - 1) == 0)
            memcpy(bytes + at + sizeof key - 1 + 4, &id, sizeof id); /* after the type */
    nomul_model_options_init(&options);
    nomul_model *other = nomul_model_open_memory(bytes, n_file, &options, &err);
    CHECK_OK(other != NULL, err);
    CHECK(nomul_model_get_info(other)->model_id == id);
    nomul_session *session = test_session(other, 1, 4);
    text = nomul_text_new(session, NULL, &err);
    CHECK_INT(nomul_text_rewind(text, mark, 0, &err), NOMUL_E_ARG);
    nomul_text_free(text);
    nomul_session_free(session);
    nomul_model_close(other);
    nomul_mark_free(mark);
    nm_free(bytes);
}

static nomul_text_counts counts_of(const nomul_text *text)
{
    nomul_text_counts counts = {.size = sizeof counts};

    CHECK_OK(nomul_text_get_counts(text, &counts, &err) == NOMUL_OK, err);
    return counts;
}

static void test_failures(fixture *f)
{
    static char       large[1 << 20];
    nomul_cancel      flag = {0};
    trial             t = {.n_prompt = 0};
    nomul_text_counts before, after;

    test_case("a prompt that is cancelled changes nothing, nor does a save that fails");
    nomul_text_options_init(&t.options);
    t.options.cancel = &flag;
    nomul_text *text = new_text(f, &t, 5);
    memset(large, 'a', sizeof large);
    before = counts_of(text);
    CHECK(nomul_text_save(text, "/nowhere/at/all", &err) == NOMUL_E_IO);
    after = counts_of(text);
    CHECK_MEM(&after, &before, sizeof before, "the counts");
    prompt(text, large, 100);
    CHECK_OK(nomul_text_step(&text, 1, &err) == NOMUL_OK, err);
    before = counts_of(text);
    CHECK(before.n_read > 0 && before.n_read < before.n_prompt);
    nomul_cancel_request(&flag);
    CHECK_INT(nomul_text_prompt(text, large, sizeof large, &err), NOMUL_E_CANCELLED);
    after = counts_of(text);
    CHECK_MEM(&after, &before, sizeof before, "the counts");

    test_case("a cancel flag is that of its text");
    trial       plain = {.n_prompt = 0};
    nomul_text *other;
    nomul_text_options_init(&plain.options);
    CHECK_OK((other = nomul_text_fork(text, &plain.options, &err)) != NULL, err);
    prompt(other, "b", 1);
    nomul_text *both[] = {text, other};
    CHECK_OK(nomul_text_step(both, 2, &err) == NOMUL_OK, err);
    CHECK_INT(nomul_text_finish(text), NOMUL_FINISH_CANCELLED);
    CHECK_INT(nomul_text_finish(other), NOMUL_FINISH_NONE);
    nomul_text_free(text);
    nomul_text_free(other);
}

void test_text(void)
{
    fixture f = {.model = nomul_model_open(test_path("golden/small.gguf"), NULL, &err)};

    test_case("the model opens");
    CHECK_OK(f.model != NULL, err);
    if (!f.model) return;
    f.session = test_session(f.model, 1, 7); /* threads: test_many.c */
    snprintf(f.path, sizeof f.path, "%s", test_scratch("text.nms"));
    nm_rng_init(&f.rng, 12);
    for (size_t n = 0; f.space_id < 300; f.space_id++) {
        const char *piece = nomul_token_piece(nomul_model_tokenizer(f.model), f.space_id, &n, NULL);
        if (n > 4 && memcmp(piece, "\xE2\x96\x81", 3) == 0) break;
    }
    test_property(&f);
    test_characters(&f);
    test_forged_model(&f);
    test_failures(&f);
    nomul_session_free(f.session);
    nomul_model_close(f.model);
    test_stop_inside_token();
}
