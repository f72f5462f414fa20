/* SPDX-License-Identifier: Apache-2.0 */
/* Repacking: there and back the same bytes, the same logits all the way, damage never passed on. */
#include "hf_directory.h"
#include "meter.h"
#include "test.h"

#include "base/file.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/xxh64.h"
#include "format/gguf.h"
#include "format/gguf_write.h"
#include "kernels/ternary.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool repack(const char *from, const char *to, const char *pack, nomul_error *err)
{
    nomul_repack_options options;

    nomul_repack_options_init(&options);
    options.pack = pack;
    return nomul_repack(from, to, &options, err) == NOMUL_OK;
}

static void check_same(const char *path, const char *want_path)
{
    size_t n, n_want;
    char  *got = test_read_file(path, &n), *want = test_read_file(want_path, &n_want);

    CHECK_INT(n, n_want);
    if (n == n_want) CHECK_MEM(got, want, n, path);
    free(got), free(want);
}

/* ---- There and back -------------------------------------------------------------------------- */

/* Logits of some ids, freed by the caller; NULL with the case failed. */
static float *logits_of(const char *path, uint64_t *model_id, const char *packing, size_t *n_bytes)
{
    enum { IDS = 7 };
    nomul_model_options options;
    nomul_error         err;
    int32_t             ids[IDS];

    nomul_model_options_init(&options);
    options.check_tensors = true;
    nomul_model *model = nomul_model_open(path, &options, &err);
    CHECK_OK(model != NULL, err);
    if (!model) return NULL;
    const nomul_model_info *info = nomul_model_get_info(model);
    CHECK_STR(info->packing, packing);
    *model_id = info->model_id;
    *n_bytes = IDS * info->n_vocab * sizeof(float);
    for (size_t i = 0; i < IDS; i++) ids[i] = (int32_t)(i * 37 % info->n_vocab);
    float         *logits = malloc(*n_bytes);
    nomul_session *session = nomul_session_new(model, NULL, &err);
    CHECK_OK(session &&
                 nomul_session_feed(session, ids, IDS, NOMUL_LOGITS_ALL, logits, &err) == NOMUL_OK,
             err);
    nomul_session_free(session);
    nomul_model_close(model);
    return logits;
}

/* Told a name before there is a file of that name, then that it is gone. */
typedef struct told {
    int  n_names, n_gone;
    bool was_there;
} told;

static void tell(void *context, const char *path)
{
    told *t = context;

    if (path) {
        t->n_names++;
        if (nm_file_exists(path)) t->was_there = true;
    } else {
        t->n_gone++;
    }
}

static void test_temporary(void)
{
    nomul_repack_options  repacking;
    nomul_convert_options converting;
    nomul_error           err;
    told                  t = {0};
    const char           *output = test_scratch("told.gguf");

    test_case("the temporary name of an output is told");
    nomul_repack_options_init(&repacking);
    repacking.temporary = tell, repacking.temporary_context = &t;
    CHECK_OK(nomul_repack(test_path("golden/small.gguf"), output, &repacking, &err) == NOMUL_OK,
             err);
    CHECK(t.n_names == 1 && t.n_gone == 1 && !t.was_there);
    nomul_convert_options_init(&converting);
    converting.temporary = tell, converting.temporary_context = &t;
    CHECK_OK(nomul_convert(test_path("golden/small"), output, &converting, &err) == NOMUL_OK, err);
    CHECK(t.n_names == 2 && t.n_gone == 2 && !t.was_there);

    nomul_text_options options;
    nomul_text_options_init(&options);
    options.temporary = tell, options.temporary_context = &t;
    nomul_text *text = nomul_text_open(output, &options, &err);
    CHECK_OK(text && nomul_text_save(text, output, &err) == NOMUL_OK, err);
    nomul_text_free(text);
    CHECK(t.n_names == 3 && t.n_gone == 3 && !t.was_there);
}

static void check_logits(const char *t4, const char *t5)
{
    uint64_t id = 0, other_id = 1;
    size_t   n = 0, n_other = 1;
    float   *logits = logits_of(t4, &id, "t4", &n);
    float   *others = logits_of(t5, &other_id, "t5", &n_other);

    CHECK(id == other_id);
    CHECK_INT(n, n_other);
    if (logits && others && n == n_other) CHECK_MEM(logits, others, n, "logits");
    free(logits), free(others);
}

/* t4 is a model file in that packing; `want` what convert makes of the same in t5, or NULL. */
static void check_round_trip(const char *name, const char *t4, const char *want)
{
    nomul_error err;
    const char *t5 = test_scratch("repacked-t5.gguf"), *back = test_scratch("repacked-t4.gguf");

    test_case("%s: to t5 and back, byte for byte", name);
    CHECK_OK(repack(t4, t5, "1.6bit", &err), err);
    CHECK_OK(repack(t5, back, "t4", &err), err);
    check_same(back, t4);
    test_case("%s: the same identity and logits in t5", name);
    check_logits(t4, t5);
    if (want) {
        test_case("%s: what convert writes in t5", name);
        check_same(t5, want);
    }
    test_case("%s: to the packing it has, a copy", name);
    CHECK_OK(repack(t4, back, "t4", &err), err);
    check_same(back, t4);
    CHECK_OK(repack(t5, back, "1.6bit", &err), err);
    check_same(back, t5);
    test_case("%s: in place", name);
    CHECK_OK(repack(t5, t5, "t4", &err), err);
    check_same(t5, t4);
}

static void check_checkpoint(const char *name, const char *path)
{
    nomul_convert_options options;
    nomul_error           err;
    const char           *t4 = test_scratch("repack-t4.gguf"), *t5 = test_scratch("repack-t5.gguf");

    nomul_convert_options_init(&options);
    options.no_tokenizer = true;
    options.embedding = NOMUL_EMBEDDING_F32;
    CHECK_OK(nomul_convert(path, t4, &options, &err) == NOMUL_OK, err);
    options.pack = "1.6bit";
    CHECK_OK(nomul_convert(path, t5, &options, &err) == NOMUL_OK, err);
    check_round_trip(name, t4, t5);
}

/* More rows than a panel has, more columns than a K block; neither a multiple of anything. */
static void check_large(void)
{
    nm_config    config = {.n_layers = 1,
                           .dim = 251,
                           .ffn = 1093,
                           .vocab = 2179,
                           .n_ctx_train = 2048,
                           .expand_ratio = 1,
                           .n_heads = 1,
                           .rms_norm_eps = 1e-6f};
    hf_directory d;
    uint32_t     state = 1;

    hf_directory_init_sized(&d, "repack-large", &config);
    for (size_t i = 0; i < d.n_tensors; i++) {
        hf_tensor *t = &d.tensors[i];
        t->n_values = (size_t)(t->shape[0] * (t->n_dims == 2 ? t->shape[1] : 1));
        t->values = malloc(t->n_values * sizeof *t->values);
        for (size_t k = 0; k < t->n_values; k++) {
            state = state * 1664525 + 1013904223;
            t->values[k] = (float)((int)(state >> 24) - 128) / 128;
        }
    }
    hf_directory_save_single(&d, "F32");
    check_checkpoint("panels and K blocks", d.path);
    hf_directory_free(&d);
}

static void test_round_trips(void)
{
    static const char *const golden[] = {"odd", "plain", "wide-no-bound"};
    char                     path[64];

    check_round_trip("small", test_path("golden/small.gguf"), test_path("golden/small-t5.gguf"));
    check_round_trip("tiny", test_path("../models/tiny.gguf"), NULL);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "golden/%s", golden[i]);
        check_checkpoint(golden[i], test_path(path));
    }
    check_large();
}

/* ---- A file of somebody else's --------------------------------------------------------------- */

/* golden/small.gguf with its keys and tensors in reverse order, and keys that nobody knows. */
static void write_reversed(const char *path)
{
    nm_gguf        gguf;
    nm_gguf_writer w;
    nomul_error    err;
    size_t         size, hashes_at = 0;
    char          *bytes = test_read_file(test_path("golden/small.gguf"), &size);
    bool           ok = nm_gguf_open(&gguf, bytes, size, NULL, &err);

    CHECK_OK(ok, err);
    if (!ok) return;
    nm_gguf_writer_begin(&w, 64);
    nm_gguf_put_string(&w, "general.author", "n\0body", 6);
    nm_gguf_put_array(&w, "some.list", NOMUL_VALUE_STRING, 2);
    nm_gguf_put_element_string(&w, "one", 3);
    nm_gguf_put_element_string(&w, "", 0);
    nm_gguf_put_bits(&w, "some.number", NOMUL_VALUE_U64, UINT64_MAX);
    for (size_t i = gguf.n_keys; i-- > 0;) {
        nm_gguf_put_key(&w, &gguf.keys[i]);
        if (strncmp(gguf.keys[i].name.data, "hgrn_bit.tensor_xxh64", 21) == 0)
            hashes_at = w.n_bytes - 8 * gguf.n_tensors;
    }
    for (size_t i = gguf.n_tensors; ok && i-- > 0;) {
        const nm_gguf_tensor *t = &gguf.tensors[i];
        char                  name[80];
        snprintf(name, sizeof name, "%.*s", (int)t->name.size, t->name.data);
        ok = nm_gguf_put_tensor(&w, name, t->type, t->n_dims, t->dims, &err);
    }
    ok = ok && nm_gguf_writer_finish(&w, &err);
    CHECK_OK(ok, err);
    uint8_t *file = calloc(w.n_bytes + (size_t)w.data_bytes, 1);
    size_t   at = w.n_bytes;
    for (size_t i = gguf.n_tensors, n = 0; i-- > 0; n++) {
        const nm_gguf_tensor *t = &gguf.tensors[i];
        memcpy(file + at, t->data, (size_t)t->n_bytes);
        nm_store_u64(w.bytes + hashes_at + 8 * n, nm_xxh64_of(t->data, (size_t)t->n_bytes));
        at += nm_round_up((size_t)t->n_bytes, 64);
    }
    memcpy(file, w.bytes, w.n_bytes);
    test_write_file(path, file, at);
    nm_gguf_writer_free(&w);
    nm_gguf_close(&gguf);
    free(file), free(bytes);
}

static void test_foreign(void)
{
    const char *path = test_scratch("reversed.gguf");

    write_reversed(path);
    check_round_trip("another order, other keys", path, NULL);
}

/* ---- What must fail -------------------------------------------------------------------------- */

/* Some bits of a tensor's byte changed. */
static void wound(const char *from, const char *to, const char *tensor, size_t at, uint8_t bits)
{
    nm_gguf     gguf;
    nomul_error err;
    size_t      size;
    char       *bytes = test_read_file(from, &size);

    CHECK_OK(nm_gguf_open(&gguf, bytes, size, NULL, &err), err);
    const nm_gguf_tensor *t = nm_gguf_find_tensor(&gguf, tensor);
    bytes[t->offset + at] = (char)(bytes[t->offset + at] ^ bits);
    nm_gguf_close(&gguf);
    test_write_file(to, bytes, size);
    free(bytes);
}

/* The words begin with the path, the tensor and what it says of it; nothing is written. */
static void check_wound(const char *file, const char *tensor, const char *pack, const char *says)
{
    const char *folder = test_scratch("wounded"), *output = test_scratch("wounded/out.gguf");
    const char *input = test_scratch("wounded.gguf");
    char        begin[600];
    nomul_error err = {.code = NOMUL_OK};

    test_case("%s: damage in %s is not passed on", file, tensor);
    wound(test_path(file), input, tensor, 2, 0x04);
    CHECK(!repack(input, output, pack, &err));
    CHECK_INT(err.code, NOMUL_E_FORMAT);
    snprintf(begin, sizeof begin, "%s: tensor %s: %s", input, tensor, says);
    CHECK_THAT(strncmp(err.text, begin, strlen(begin)) == 0, "%s", err.text);
    CHECK_INT(hf_count_files(folder), 0);
}

static void test_damage(void)
{
    static const char *const tensors[] = {"token_embd.weight", "blk.1.attn_f.weight",
                                          "blk.0.ffn_down.scale", "blk.1.attn_g.norm.weight",
                                          "output.weight"};

    mkdir(test_scratch("wounded"), 0777);
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
        check_wound("golden/small.gguf", tensors[i], "1.6bit", "checksum is ");
        check_wound("golden/small-t5.gguf", tensors[i], "t4", "checksum is ");
    }
    check_wound("golden/small-t5.gguf", "blk.0.attn_i.neg", "t4", "row 0 is 262145, expected 1");
    check_wound("golden/small.gguf", "output.weight", "t4", "checksum is ");
}

static void test_misuse(void)
{
    nomul_repack_options options;
    nomul_error          err;
    const char          *input = test_path("golden/small.gguf");
    const char          *output = test_scratch("misused.gguf");
    char                 names[64], expected[96];

    test_case("misuse is an error, not a crash");
    CHECK_FAILS(nomul_repack(NULL, output, NULL, &err) == NOMUL_OK, err,
                "nomul_repack: an argument is NULL");
    CHECK_FAILS(nomul_repack(input, NULL, NULL, &err) == NOMUL_OK, err,
                "nomul_repack: an argument is NULL");
    CHECK_INT(nomul_repack(input, NULL, NULL, NULL), NOMUL_E_ARG);
    nomul_repack_options_init(&options);
    options.pack = "t6";
    nm_packing_list(names, true, " or ");
    snprintf(expected, sizeof expected, "pack: is 't6', expected %s", names);
    CHECK_FAILS(nomul_repack(input, output, &options, &err) == NOMUL_OK, err, expected);
    options.size = 5;
    CHECK_FAILS(nomul_repack(input, output, &options, &err) == NOMUL_OK, err,
                "options: size is 5, expected 8 to 72: was init called?");
    CHECK_FAILS(repack("/nowhere/at.all", output, "1.6bit", &err), err,
                "/nowhere/at.all: No such file or directory");
    CHECK_INT(err.code, NOMUL_E_IO);
    CHECK_FAILS(repack(input, "/nowhere/at.all", "1.6bit", &err), err,
                "/nowhere/at.all: No such file or directory");
    CHECK(access(output, F_OK) != 0);
}

/* ---- Progress -------------------------------------------------------------------------------- */

static void test_progress(void)
{
    meter                m = {.stop_at = UINT64_MAX};
    const char          *folder = test_scratch("repack-cancelled");
    const char          *output = test_scratch("repack-cancelled/out.gguf");
    const char          *input = test_path("golden/small.gguf");
    nomul_repack_options options;
    nomul_error          err;

    test_case("progress rises from 0 to all bytes of tensors");
    mkdir(folder, 0777);
    nomul_repack_options_init(&options);
    options.pack = "1.6bit";
    options.progress = count_progress;
    options.progress_context = &m;
    CHECK_OK(nomul_repack(input, output, &options, &err) == NOMUL_OK, err);
    CHECK(!m.backwards && m.last == m.total);
    CHECK_INT(m.total, 4800 + 2 * 8 * 4 + 5 * 8 * 4 + 2 * 8 * 4 + 12 * 384 + 1152 + 13 * 4 +
                           (11 * 8 + 2 * 12) * 4);
    CHECK_INT(m.n_calls, 1 + 48 + 12 + 3); /* tensors, and tiles of matrices */
    CHECK(remove(output) == 0);

    test_case("cancelled anywhere, nothing is left");
    for (size_t stop = 1, n = m.n_calls; stop <= n; stop++) {
        m = (meter){.stop_at = stop};
        CHECK_FAILS(nomul_repack(input, output, &options, &err) == NOMUL_OK, err, "cancelled");
        CHECK_INT(err.code, NOMUL_E_CANCELLED);
        CHECK_INT(hf_count_files(folder), 0);
    }
}

void test_repack(void)
{
    test_round_trips();
    test_foreign();
    test_damage();
    test_misuse();
    test_progress();
    test_temporary();
}
