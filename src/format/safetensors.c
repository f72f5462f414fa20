/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header is walked twice: once to check every entry and to count, then to place them.  An entry
 * that passes is at least 49 bytes long, so memory stays within a few times the header's size.
 */
#include "format/safetensors.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 8

static const struct {
    const char *name;
    nm_dtype    dtype;
    uint64_t    n_bytes; /* of an element */
} dtypes[] = {
    {"F32", NM_DTYPE_F32, 4},       {"F16", NM_DTYPE_F16, 2},       {"BF16", NM_DTYPE_BF16, 2},
    {"BOOL", NM_DTYPE_OTHER, 1},    {"U8", NM_DTYPE_OTHER, 1},      {"I8", NM_DTYPE_OTHER, 1},
    {"F8_E5M2", NM_DTYPE_OTHER, 1}, {"F8_E4M3", NM_DTYPE_OTHER, 1}, {"I16", NM_DTYPE_OTHER, 2},
    {"U16", NM_DTYPE_OTHER, 2},     {"I32", NM_DTYPE_OTHER, 4},     {"U32", NM_DTYPE_OTHER, 4},
    {"F64", NM_DTYPE_OTHER, 8},     {"I64", NM_DTYPE_OTHER, 8},     {"U64", NM_DTYPE_OTHER, 8},
};

#define N_DTYPES (sizeof dtypes / sizeof dtypes[0])

/* ---- One tensor's entry ---------------------------------------------------------------------- */

enum { DTYPE, SHAPE, OFFSETS, N_FIELDS };
static const char *const fields[N_FIELDS] = {"dtype", "shape", "data_offsets"};

/* An entry as it is spelled; offsets count from the beginning of the data. */
typedef struct entry {
    size_t   row; /* in dtypes */
    uint32_t n_dims;
    uint64_t shape[NM_SAFETENSORS_MAX_DIMS];
    uint64_t begin, end;
} entry;

/* The KEY or STRING now, as spelled, or its beginning, for "%.*s". */
#define SHOW(json) (int)((json)->n_text < 500 ? (json)->n_text : 500), (json)->text

/* The event now is not what it should be, perhaps because the JSON is broken. */
static bool fail_event(const nm_json *json, const char *words, nomul_error *err)
{
    if (json->type == NM_JSON_ERROR) return nm_json_fail(json, err);
    return nm_fail(err, NOMUL_E_FORMAT, "%s", words);
}

static bool read_dtype(nm_json *json, entry *e, nomul_error *err)
{
    if (nm_json_next(json) != NM_JSON_STRING) return fail_event(json, "dtype is not a string", err);
    for (e->row = 0; e->row < N_DTYPES; e->row++)
        if (nm_json_is(json, dtypes[e->row].name)) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "dtype %.*s is unknown", SHOW(json));
}

static bool read_shape(nm_json *json, entry *e, nomul_error *err)
{
    static const char words[] = "shape is not an array of whole numbers";

    if (nm_json_next(json) != NM_JSON_ARRAY) return fail_event(json, words, err);
    for (e->n_dims = 0; nm_json_next(json) != NM_JSON_ARRAY_END; e->n_dims++) {
        uint64_t dim;
        if (!nm_json_u64(json, &dim)) return fail_event(json, words, err);
        if (e->n_dims == NM_SAFETENSORS_MAX_DIMS)
            return nm_fail(err, NOMUL_E_UNSUPPORTED, "has more than %d dimensions",
                           NM_SAFETENSORS_MAX_DIMS);
        e->shape[e->n_dims] = dim;
    }
    return true;
}

static bool read_offsets(nm_json *json, entry *e, nomul_error *err)
{
    static const char words[] = "data_offsets is not an array of two whole numbers";

    if (nm_json_next(json) != NM_JSON_ARRAY) return fail_event(json, words, err);
    nm_json_next(json);
    if (!nm_json_u64(json, &e->begin)) return fail_event(json, words, err);
    nm_json_next(json);
    if (!nm_json_u64(json, &e->end)) return fail_event(json, words, err);
    if (nm_json_next(json) != NM_JSON_ARRAY_END) return fail_event(json, words, err);
    if (e->begin <= e->end) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "data_offsets run backwards, from %" PRIu64 " to %" PRIu64,
                   e->begin, e->end);
}

static bool read_field(nm_json *json, entry *e, bool seen[N_FIELDS], nomul_error *err)
{
    size_t field = 0;

    while (field < N_FIELDS && !nm_json_is(json, fields[field])) field++;
    if (field == N_FIELDS) return nm_fail(err, NOMUL_E_FORMAT, "key %.*s is unknown", SHOW(json));
    if (seen[field]) return nm_fail(err, NOMUL_E_FORMAT, "%s: twice", fields[field]);
    seen[field] = true;
    if (field == DTYPE) return read_dtype(json, e, err);
    return field == SHAPE ? read_shape(json, e, err) : read_offsets(json, e, err);
}

/* The size that shape and dtype ask for against that of the data. */
static bool check_size(const entry *e, nomul_error *err)
{
    uint64_t n_bytes = dtypes[e->row].n_bytes;

    for (uint32_t i = 0; i < e->n_dims; i++)
        if (!nm_mul_u64(n_bytes, e->shape[i], &n_bytes))
            return nm_fail(err, NOMUL_E_FORMAT, "its size overflows");
    if (n_bytes == e->end - e->begin) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "has %" PRIu64 " bytes, expected %" PRIu64,
                   e->end - e->begin, n_bytes);
}

static bool read_entry(nm_json *json, entry *e, nomul_error *err)
{
    bool seen[N_FIELDS] = {false};

    if (nm_json_next(json) != NM_JSON_OBJECT) return fail_event(json, "is not an object", err);
    while (nm_json_next(json) == NM_JSON_KEY)
        if (!read_field(json, e, seen, err)) return false;
    if (json->type == NM_JSON_ERROR) return nm_json_fail(json, err);
    for (size_t i = 0; i < N_FIELDS; i++)
        if (!seen[i]) return nm_fail(err, NOMUL_E_FORMAT, "%s: missing", fields[i]);
    return check_size(e, err);
}

/* ---- The header ------------------------------------------------------------------------------ */

static bool read_metadata(nm_json *json, nomul_error *err)
{
    if (nm_json_next(json) != NM_JSON_OBJECT) return fail_event(json, "is not an object", err);
    while (nm_json_next(json) == NM_JSON_KEY)
        if (nm_json_next(json) != NM_JSON_STRING)
            return fail_event(json, "a value is not a string", err);
    return json->type != NM_JSON_ERROR || nm_json_fail(json, err);
}

/* What the walk has found; the second one has a safetensors to put it into. */
typedef struct walk {
    nm_safetensors *st; /* NULL while measuring */
    size_t          n_tensors, n_text;
    uint64_t        data_at;
    bool            metadata; /* seen */
} walk;

/* data_at + begin may wrap; then the offset is not the one that check_places wants. */
static void place(walk *w, const nm_json *name, const entry *e)
{
    nm_safetensor *tensor = &w->st->tensors[w->n_tensors];
    char          *text = w->st->text + w->n_text;

    text[nm_json_string(name, text)] = '\0';
    *tensor = (nm_safetensor){
        .name = text,
        .dtype_name = dtypes[e->row].name,
        .dtype = dtypes[e->row].dtype,
        .n_dims = e->n_dims,
        .offset = w->data_at + e->begin,
        .n_bytes = e->end - e->begin,
    };
    memcpy(tensor->shape, e->shape, e->n_dims * sizeof *e->shape);
}

/* A string may hold a NUL only as this escape; other backslashes come in pairs. */
static bool has_nul(const nm_json *json)
{
    for (size_t i = 0; i + 6 <= json->n_text; i++) {
        if (json->text[i] != '\\') continue;
        if (memcmp(json->text + i, "\\u0000", 6) == 0) return true;
        i++;
    }
    return false;
}

static bool walk_entry(walk *w, nm_json *json, nomul_error *err)
{
    const nm_json name = *json;
    entry         e = {0};

    if (nm_json_is(&name, "__metadata__")) {
        if (w->metadata) return nm_fail(err, NOMUL_E_FORMAT, "__metadata__: twice");
        w->metadata = true;
        return read_metadata(json, err) || nm_fail_in(err, "__metadata__");
    }
    if (has_nul(&name))
        return nm_fail(err, NOMUL_E_FORMAT, "tensor %.*s: name has a NUL in it", SHOW(&name));
    if (!read_entry(json, &e, err)) return nm_fail_in(err, "tensor %.*s", SHOW(&name));
    if (w->st) place(w, &name, &e);
    w->n_tensors++;
    w->n_text += name.n_text + 1;
    return true;
}

static bool walk_header(walk *w, const char *json_text, size_t n_json, nomul_error *err)
{
    nm_json json;

    nm_json_init(&json, json_text, n_json);
    nm_json_next(&json); /* '{': the caller has seen it */
    while (nm_json_next(&json) == NM_JSON_KEY)
        if (!walk_entry(w, &json, err)) return false;
    if (json.type == NM_JSON_OBJECT_END) nm_json_next(&json);
    if (json.type == NM_JSON_END) return true;
    nm_json_fail(&json, err);
    return nm_fail_in(err, "header");
}

static bool back(nm_safetensors *st, const walk *measured, nomul_error *err)
{
    size_t n = measured->n_tensors, n_text = measured->n_text;

    if (n > SIZE_MAX / sizeof *st->tensors) return nm_fail_memory(err, SIZE_MAX);
    st->tensors = nm_alloc(n * sizeof *st->tensors);
    if (!st->tensors) return nm_fail_memory(err, n * sizeof *st->tensors);
    st->by_name = nm_alloc(n * sizeof *st->by_name);
    if (!st->by_name) return nm_fail_memory(err, n * sizeof *st->by_name);
    st->text = nm_alloc(n_text);
    return st->text || nm_fail_memory(err, n_text);
}

/* Empty tensors share their offset with the one behind: the shorter comes first, then the name. */
static int compare_places(const void *left, const void *right)
{
    const nm_safetensor *a = left, *b = right;

    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    if (a->n_bytes != b->n_bytes) return a->n_bytes < b->n_bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int compare_names(const void *left, const void *right)
{
    const nm_safetensor *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

static bool check_places(const nm_safetensors *st, uint64_t data_at, uint64_t data_bytes,
                         nomul_error *err)
{
    uint64_t at = data_at;

    for (size_t i = 0; i < st->n_tensors; i++) {
        const nm_safetensor *tensor = &st->tensors[i];
        if (tensor->offset != at)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "tensor %s: data begins at %" PRIu64 ", expected %" PRIu64, tensor->name,
                           tensor->offset - data_at, at - data_at);
        if (tensor->n_bytes > data_bytes - (at - data_at))
            return nm_fail(err, NOMUL_E_FORMAT,
                           "tensor %s: needs %" PRIu64 " bytes, file ends after %" PRIu64,
                           tensor->name, tensor->n_bytes, data_bytes - (at - data_at));
        at += tensor->n_bytes;
    }
    if (at - data_at == data_bytes) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "has %" PRIu64 " bytes after its last tensor",
                   data_bytes - (at - data_at));
}

static bool check_names(nm_safetensors *st, nomul_error *err)
{
    for (size_t i = 0; i < st->n_tensors; i++) st->by_name[i] = &st->tensors[i];
    qsort(st->by_name, st->n_tensors, sizeof *st->by_name, compare_names);
    for (size_t i = 1; i < st->n_tensors; i++)
        if (strcmp(st->by_name[i - 1]->name, st->by_name[i]->name) == 0)
            return nm_fail(err, NOMUL_E_FORMAT, "tensor %s: twice", st->by_name[i]->name);
    return true;
}

static void drop_tensors(nm_safetensors *st)
{
    nm_free(st->tensors);
    nm_free(st->by_name);
    nm_free(st->text);
    *st = (nm_safetensors){.file = st->file};
}

static bool parse(nm_safetensors *st, const char *json, size_t n_json, uint64_t data_bytes,
                  nomul_error *err)
{
    walk measured = {0}, placed = {.st = st, .data_at = LENGTH_BYTES + n_json};

    if (n_json == 0 || json[0] != '{')
        return nm_fail(err, NOMUL_E_FORMAT, "header does not begin with '{'");
    if (!walk_header(&measured, json, n_json, err)) return false;
    if (!back(st, &measured, err)) return false;
    if (!walk_header(&placed, json, n_json, err)) return false;
    st->n_tensors = placed.n_tensors;
    qsort(st->tensors, st->n_tensors, sizeof *st->tensors, compare_places);
    return check_names(st, err) && check_places(st, placed.data_at, data_bytes, err);
}

bool nm_safetensors_parse(nm_safetensors *st, const char *json, size_t n_json, uint64_t data_bytes,
                          nomul_error *err)
{
    if (parse(st, json, n_json, data_bytes, err)) return true;
    drop_tensors(st);
    return false;
}

/* ---- The file -------------------------------------------------------------------------------- */

static bool read_header(nm_safetensors *st, nomul_error *err)
{
    uint8_t  length[LENGTH_BYTES];
    uint64_t size = st->file.size;

    if (size < LENGTH_BYTES)
        return nm_fail(err, NOMUL_E_FORMAT, "not a safetensors file: has %" PRIu64 " bytes", size);
    if (!nm_file_read(&st->file, 0, length, sizeof length, err)) return false;
    uint64_t n_json = nm_load_u64(length);
    if (n_json > NM_SAFETENSORS_MAX_HEADER)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "not a safetensors file: header of %" PRIu64 " bytes, expected at most %d",
                       n_json, NM_SAFETENSORS_MAX_HEADER);
    if (n_json > size - LENGTH_BYTES)
        return nm_fail(err, NOMUL_E_FORMAT, "header of %" PRIu64 " bytes, file ends after %" PRIu64,
                       n_json, size - LENGTH_BYTES);

    char *json = nm_alloc((size_t)n_json);
    if (!json) return nm_fail_memory(err, (size_t)n_json);
    bool ok = nm_file_read(&st->file, LENGTH_BYTES, json, (size_t)n_json, err) &&
              nm_safetensors_parse(st, json, (size_t)n_json, size - LENGTH_BYTES - n_json, err);
    nm_free(json);
    return ok;
}

bool nm_safetensors_open(nm_safetensors *st, const char *path, nomul_error *err)
{
    *st = (nm_safetensors){.file = NM_FILE_CLOSED};
    if (!nm_file_open(&st->file, path, err)) return false;
    if (read_header(st, err)) return true;
    nm_safetensors_close(st);
    return nm_fail_in(err, "%s", path);
}

void nm_safetensors_close(nm_safetensors *st)
{
    drop_tensors(st);
    nm_file_close(&st->file);
}

const nm_safetensor *nm_safetensors_find(const nm_safetensors *st, const char *name)
{
    size_t low = 0, high = st->n_tensors;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int    order = strcmp(name, st->by_name[middle]->name);
        if (order == 0) return st->by_name[middle];
        if (order < 0) high = middle;
        if (order > 0) low = middle + 1;
    }
    return NULL;
}
