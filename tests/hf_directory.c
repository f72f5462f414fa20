/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700

#include "hf_directory.h"
#include "test.h"

#include "base/half.h"
#include "base/rng.h"
#include "model/tensors.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const nm_config small = {
    .n_layers = 2,
    .dim = 32,
    .ffn = 20,
    .vocab = 300,
    .n_ctx_train = 2048,
    .expand_ratio = 1,
    .use_lower_bound = 1,
    .n_heads = 1,
    .rms_norm_eps = 1e-6f,
};

const char *hf_directory_path(const hf_directory *d, const char *name)
{
    static char   ring[8][1024];
    static size_t at;
    char         *path = ring[at++ % 8];

    snprintf(path, sizeof ring[0], "%s/%s", d->path, name);
    return path;
}

void hf_directory_write(const hf_directory *d, const char *name, const char *text)
{
    test_write_file(hf_directory_path(d, name), text, strlen(text));
}

void hf_directory_copy(const hf_directory *d, const char *from, const char *name)
{
    size_t size;
    char  *data = test_read_file(from, &size);

    test_write_file(hf_directory_path(d, name), data, size);
    free(data);
}

void hf_directory_remove(const hf_directory *d, const char *name)
{
    CHECK(remove(hf_directory_path(d, name)) == 0);
}

/* ---- Config ---------------------------------------------------------------------------------- */

static void put_member(char *text, size_t size, const char *key, const char *value)
{
    size_t at = strlen(text);
    if (value) snprintf(text + at, size - at, "%s\n \"%s\": %s", at > 1 ? "," : "", key, value);
}

static void write_config(const hf_directory *d, const nm_config *c, const char *other_key,
                         const char *other)
{
    struct {
        const char *key;
        char        value[32];
    } members[] = {
        {"model_type", "\"hgrn_bit\""},
        {"hidden_act", "\"swish\""},
        {"vocab_size", ""},
        {"hidden_size", ""},
        {"num_hidden_layers", ""},
        {"num_heads", ""},
        {"expand_ratio", ""},
        {"intermediate_size", ""},
        {"use_short_conv", "false"},
        {"tie_word_embeddings", "false"},
        {"use_lower_bound", ""},
        {"rms_norm_eps", "1e-06"},
    };
    uint32_t numbers[] = {c->vocab, c->dim, c->n_layers, c->n_heads, c->expand_ratio, c->ffn};
    char     text[2048] = "{";
    bool     done = other_key == NULL;

    for (size_t i = 0; i < 6; i++) snprintf(members[2 + i].value, 32, "%" PRIu32, numbers[i]);
    snprintf(members[10].value, 32, "%s", c->use_lower_bound ? "true" : "false");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        bool is_other = other_key && strcmp(members[i].key, other_key) == 0;
        put_member(text, sizeof text, members[i].key, is_other ? other : members[i].value);
        done |= is_other;
    }
    if (!done) put_member(text, sizeof text, other_key, other);
    strcat(text, "\n}\n");
    hf_directory_write(d, "config.json", text);
}

void hf_directory_config(const hf_directory *d, const char *key, const char *value)
{
    write_config(d, &small, key, value);
}

/* ---- Tensors --------------------------------------------------------------------------------- */

hf_tensor *hf_directory_add(hf_directory *d, const char *name, uint64_t rows, uint64_t cols)
{
    if (d->n_tensors == d->capacity) {
        d->capacity = d->capacity ? 2 * d->capacity : 64;
        d->tensors = realloc(d->tensors, d->capacity * sizeof *d->tensors);
    }
    hf_tensor *t = &d->tensors[d->n_tensors++];
    *t = (hf_tensor){.n_dims = rows ? 2 : 1, .shape = {rows ? rows : cols, cols}};
    snprintf(t->name, sizeof t->name, "%s", name);
    return t;
}

hf_tensor *hf_directory_find(hf_directory *d, const char *name)
{
    for (size_t i = 0; i < d->n_tensors; i++)
        if (strcmp(d->tensors[i].name, name) == 0) return &d->tensors[i];
    test_fail(__FILE__, __LINE__, "no tensor %s", name);
    return d->tensors;
}

void hf_directory_drop(hf_directory *d, const char *name)
{
    hf_tensor *t = hf_directory_find(d, name);

    free(t->values);
    memmove(t, t + 1, (size_t)(d->tensors + d->n_tensors - (t + 1)) * sizeof *t);
    d->n_tensors--;
}

void hf_directory_init_sized(hf_directory *d, const char *name, const nm_config *config)
{
    *d = (hf_directory){.n_tensors = 0};
    snprintf(d->path, sizeof d->path, "%s", test_scratch(name));
    mkdir(d->path, 0777);
    write_config(d, config, NULL, NULL);
    for (size_t i = 0; i < nm_plan_count(config); i++) {
        nm_planned p;
        nm_stored  s[NM_MAX_STORED];
        nm_plan_get(config, i, &p);
        size_t n_stored = nm_plan_stored(&p, NM_T4, NM_GGUF_F32, s);
        for (size_t k = 0; k < n_stored; k++) {
            char tensor[NM_TENSOR_NAME];
            nm_tensor_name(tensor, p.source_name, s[k].suffix);
            if (!s[k].derived)
                hf_directory_add(d, tensor, s[k].part == NM_PART_GAIN ? 0 : p.rows, p.cols);
        }
    }
}

/* Multiples of 1/64 below 2: seven bits, which the shortest mantissa (BF16's) holds. */
void hf_directory_init(hf_directory *d, const char *name)
{
    nm_rng rng;

    hf_directory_init_sized(d, name, &small);
    nm_rng_init(&rng, 1);
    for (size_t i = 0; i < d->n_tensors; i++) {
        hf_tensor *t = &d->tensors[i];
        t->n_values = (size_t)(t->n_dims == 2 ? t->shape[0] * t->shape[1] : t->shape[0]);
        t->values = malloc(t->n_values * sizeof *t->values);
        for (size_t k = 0; k < t->n_values; k++)
            t->values[k] = ((float)nm_rng_below(&rng, 255) - 127) / 64;
    }
}

void hf_directory_free(hf_directory *d)
{
    for (size_t i = 0; i < d->n_tensors; i++) free(d->tensors[i].values);
    free(d->tensors);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static size_t value_bytes(const char *dtype)
{
    return strcmp(dtype, "F32") == 0 ? 4 : strcmp(dtype, "I8") == 0 ? 1 : 2;
}

static void store(uint8_t *to, const char *dtype, float value)
{
    if (strcmp(dtype, "F32") == 0)
        nm_store_f32(to, value);
    else if (strcmp(dtype, "F16") == 0)
        nm_store_u16(to, nm_f16_of_float(value));
    else if (strcmp(dtype, "BF16") == 0)
        nm_store_u16(to, (uint16_t)(nm_bits_of_float(value) >> 16));
    else
        *to = 0;
}

static size_t put_entry(char *header, const hf_tensor *t, const char *dtype, size_t begin)
{
    size_t end = begin + t->n_values * value_bytes(dtype);
    char   second[24] = "";

    if (t->n_dims == 2) snprintf(second, sizeof second, ", %" PRIu64, t->shape[1]);
    sprintf(header + strlen(header),
            "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%" PRIu64 "%s],\"data_offsets\":[%zu,%zu]}",
            header[9] ? "," : "", t->name, dtype, t->shape[0], second, begin, end);
    return end;
}

void hf_directory_save(const hf_directory *d, const char *name, const char *dtype, size_t begin,
                       size_t end)
{
    char    *header = calloc(end - begin + 1, 256);
    size_t   n_data = 0;
    uint8_t *file;

    memcpy(header, "LENGTH..{", 9);
    for (size_t i = begin; i < end; i++) {
        const hf_tensor *t = &d->tensors[i];
        n_data = put_entry(header, t, t->dtype ? t->dtype : dtype, n_data);
    }
    strcat(header, "}");
    size_t n_header = strlen(header);
    nm_store_u64(header, n_header - 8);
    file = malloc(n_header + n_data);
    memcpy(file, header, n_header);
    uint8_t *at = file + n_header;
    for (size_t i = begin; i < end; i++) {
        const hf_tensor *t = &d->tensors[i];
        const char      *type = t->dtype ? t->dtype : dtype;
        for (size_t k = 0; k < t->n_values; k++, at += value_bytes(type))
            store(at, type, t->values[k]);
    }
    test_write_file(hf_directory_path(d, name), file, n_header + n_data);
    free(file);
    free(header);
}

void hf_directory_save_single(const hf_directory *d, const char *dtype)
{
    hf_directory_save(d, "model.safetensors", dtype, 0, d->n_tensors);
}

void hf_directory_save_shards(const hf_directory *d, const char *dtype)
{
    static const char *const names[] = {"a.safetensors", "b.safetensors"};
    size_t                   half = d->n_tensors / 2;
    char                    *text = calloc(d->n_tensors + 1, 128);

    hf_directory_save(d, names[0], dtype, 0, half);
    hf_directory_save(d, names[1], dtype, half, d->n_tensors);
    strcpy(text, "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {");
    for (size_t i = 0; i < d->n_tensors; i++)
        sprintf(text + strlen(text), "%s\n\"%s\": \"%s\"", i ? "," : "", d->tensors[i].name,
                names[i >= half]);
    strcat(text, "}}");
    hf_directory_write(d, "model.safetensors.index.json", text);
    free(text);
}

/* ---- Tokenizers ------------------------------------------------------------------------------ */

#define BLANK "\xE2\x96\x81"

const hf_tokenizer_parts hf_sound_tokenizer = {
    .added = "[{\"id\": 0, \"content\": \"<unk>\", \"special\": true, \"lstrip\": true},"
             " {\"id\": 1, \"content\": \"<s>\", \"special\": true},"
             " {\"id\": 2, \"content\": \"</s>\", \"special\": true},"
             " {\"id\": 265, \"content\": \"<|x|>\", \"special\": false}]",
    .normalizer =
        "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": \"" BLANK
        "\"}, {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"" BLANK
        "\"}]}",
    .pre_tokenizer = "null",
    .post_processor = "null",
    .options =
        "\"type\": \"BPE\", \"dropout\": null, \"unk_token\": \"<unk>\", \"byte_fallback\": true",
    .vocab = "\"" BLANK "\": 259, \"a\": 260, \"b\": 261, \"ab\": 262, \"" BLANK
             "ab\": 263, \"" BLANK "a\": 264",
    .merges = "[\"a b\", [\"" BLANK "\", \"a\"], \"" BLANK "a b\", \"" BLANK " ab\"]",
};

#define PART(name) (p->name ? p->name : hf_sound_tokenizer.name)

/* merges stand before vocab: the order of members must not matter */
void hf_directory_write_tokenizer(const hf_directory *d, const hf_tokenizer_parts *p)
{
    static char text[16384];
    size_t      at;

    snprintf(text, sizeof text,
             "{\"model\": {%s, \"merges\": %s, \"vocab\": {\"<unk>\": 0, \"<s>\": 1, \"</s>\": 2",
             PART(options), PART(merges));
    for (unsigned i = 0; i < 256; i++) {
        at = strlen(text);
        snprintf(text + at, sizeof text - at, ", \"<0x%02X>\": %u", i, 3 + i);
    }
    at = strlen(text);
    snprintf(text + at, sizeof text - at,
             "%s%s}}, \"added_tokens\": %s, \"normalizer\": %s, \"pre_tokenizer\": %s, "
             "\"post_processor\": %s}\n",
             *PART(vocab) ? ", " : "", PART(vocab), PART(added), PART(normalizer),
             PART(pre_tokenizer), PART(post_processor));
    hf_directory_write(d, "tokenizer.json", text);
}

/* ---------------------------------------------------------------------------------------------- */

size_t hf_count_files(const char *path)
{
    DIR   *folder = opendir(path);
    size_t n = 0;

    CHECK(folder != NULL);
    if (!folder) return 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return n;
}

const char *hf_with_path(const hf_directory *d, const char *text)
{
    static char out[2048];
    size_t      at = 0;

    for (; *text && at + sizeof d->path < sizeof out; text++) {
        if (*text == '@')
            at += (size_t)snprintf(out + at, sizeof out - at, "%s", d->path);
        else
            out[at++] = *text;
    }
    out[at] = '\0';
    return out;
}

/* ---- What came of a tokenizer ---------------------------------------------------------------- */

const nm_hf_ids  hf_no_ids = {-1, -1, -1, -1, 0, {0}};
const nm_hf_warn hf_no_warn = {NULL, NULL};

void hf_check_piece(const nm_hf_tokenizer *t, size_t id, const char *text, float score,
                    nomul_token_type type)
{
    const nm_sp_piece *p = &t->pieces[id];

    CHECK_THAT(p->n_text == strlen(text) && memcmp(p->text, text, p->n_text) == 0,
               "piece %zu is %.*s, not %s", id, (int)p->n_text, p->text, text);
    CHECK_THAT(p->score == score, "score of %s is %g, not %g", text, (double)p->score,
               (double)score);
    CHECK_THAT(p->type == type, "type of %s is %d, not %d", text, p->type, type);
}

void hf_check_refused(const hf_directory *d, const nm_hf_ids *ids, const char *says)
{
    nm_hf_tokenizer t;
    nomul_error     err;

    test_case("must fail: %s", says);
    CHECK_FAILS(nm_hf_tokenizer_open(&t, d->path, HF_N_VOCAB, ids, hf_no_warn, &err), err,
                hf_with_path(d, says));
    nm_hf_tokenizer_close(&t);
}
