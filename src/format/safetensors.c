/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header is read twice: first to check every entry and count, then to store them.  A valid
 * entry is at least 49 bytes long, so memory stays within a few times the header's size.
 */
#include "format/safetensors.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "base/names.h"

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

/* An entry as it is written; the offsets count from the start of the data. */
typedef struct entry {
    size_t   row; /* in dtypes */
    uint32_t n_dims;
    uint64_t shape[NM_SAFETENSORS_MAX_DIMS];
    uint64_t offsets[2]; /* begin, end */
} entry;

/* The current KEY or STRING as it is written, or its beginning, for "%.*s". */
#define SHOW(json) (int)((json)->n_text < 500 ? (json)->n_text : 500), (json)->text

/* The current event is not what was expected, or the JSON itself is broken. */
static bool fail_event(const nm_json *json, const char *problem, nomul_error *err)
{
    if (json->type == NM_JSON_ERROR) return nm_json_fail(json, err);
    return nm_fail(err, NOMUL_E_FORMAT, "%s", problem);
}

/* Reads an array of whole numbers; *n may come out above `max`, which is what is stored. */
static bool read_numbers(nm_json *json, uint64_t *numbers, uint32_t max, uint32_t *n,
                         const char *problem, nomul_error *err)
{
    uint64_t number;

    if (nm_json_next(json) != NM_JSON_ARRAY) return fail_event(json, problem, err);
    for (*n = 0; nm_json_next(json) != NM_JSON_ARRAY_END && *n <= max; ++*n) {
        if (!nm_json_u64(json, &number)) return fail_event(json, problem, err);
        if (*n < max) numbers[*n] = number;
    }
    return true;
}

static bool read_field(nm_json *json, entry *e, int field, nomul_error *err)
{
    static const char not_two[] = "data_offsets is not an array of two whole numbers";
    uint32_t          n = 0;

    switch (field) {
    case DTYPE:
        if (nm_json_next(json) != NM_JSON_STRING)
            return fail_event(json, "dtype is not a string", err);
        for (e->row = 0; e->row < N_DTYPES; e->row++)
            if (nm_json_is(json, dtypes[e->row].name)) return true;
        return nm_fail(err, NOMUL_E_FORMAT, "dtype %.*s is unknown", SHOW(json));
    case SHAPE:
        if (!read_numbers(json, e->shape, NM_SAFETENSORS_MAX_DIMS, &e->n_dims,
                          "shape is not an array of whole numbers", err))
            return false;
        return e->n_dims <= NM_SAFETENSORS_MAX_DIMS ||
               nm_fail(err, NOMUL_E_UNSUPPORTED, "has more than %d dimensions",
                       NM_SAFETENSORS_MAX_DIMS);
    case OFFSETS:
        if (!read_numbers(json, e->offsets, 2, &n, not_two, err)) return false;
        if (n != 2) return fail_event(json, not_two, err);
        if (e->offsets[0] <= e->offsets[1]) return true;
        return nm_fail(err, NOMUL_E_FORMAT,
                       "data_offsets run backwards, from %" PRIu64 " to %" PRIu64, e->offsets[0],
                       e->offsets[1]);
    default: return nm_fail(err, NOMUL_E_FORMAT, "key %.*s is unknown", SHOW(json));
    }
}

/* Reads the object after the tensor's name; its size must be that of its shape and dtype. */
static bool read_entry(nm_json *json, entry *e, nomul_error *err)
{
    bool seen[N_FIELDS] = {false};

    if (nm_json_next(json) != NM_JSON_OBJECT) return fail_event(json, "is not an object", err);
    while (nm_json_next(json) == NM_JSON_KEY) {
        int field = 0;
        while (field < N_FIELDS && !nm_json_is(json, fields[field])) field++;
        if (field < N_FIELDS && seen[field])
            return nm_fail(err, NOMUL_E_FORMAT, "%s: occurs twice", fields[field]);
        if (!read_field(json, e, field, err)) return false;
        seen[field] = true;
    }
    if (json->type == NM_JSON_ERROR) return nm_json_fail(json, err);
    for (size_t i = 0; i < N_FIELDS; i++)
        if (!seen[i]) return nm_fail(err, NOMUL_E_FORMAT, "%s: missing", fields[i]);

    uint64_t n_bytes = dtypes[e->row].n_bytes, n_found = e->offsets[1] - e->offsets[0];
    for (uint32_t i = 0; i < e->n_dims; i++)
        if (!nm_mul_u64(n_bytes, e->shape[i], &n_bytes))
            return nm_fail(err, NOMUL_E_FORMAT, "its size overflows");
    return n_bytes == n_found ||
           nm_fail(err, NOMUL_E_FORMAT, "has %" PRIu64 " bytes, expected %" PRIu64, n_found,
                   n_bytes);
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

/* In a JSON string a NUL is always this escape; other backslashes come in pairs. */
static bool has_nul(const nm_json *json)
{
    for (size_t i = 0; i + 6 <= json->n_text; i++) {
        if (json->text[i] != '\\') continue;
        if (memcmp(json->text + i, "\\u0000", 6) == 0) return true;
        i++;
    }
    return false;
}

typedef struct header {
    const char *json;
    size_t      n_json;
    uint64_t    data_at, data_bytes; /* of the data after the header */
    size_t      n_text;              /* bytes of all names, each with a NUL */
} header;

/* data_at + begin may overflow; then check_tensors finds an offset that it does not expect. */
static void store(nm_safetensors *st, const header *h, const nm_json *name, const entry *e)
{
    char          *text = st->text + h->n_text;
    nm_safetensor *tensor = &st->tensors[st->n_tensors];

    text[nm_json_string(name, text)] = '\0';
    *tensor = (nm_safetensor){
        .name = text,
        .dtype_name = dtypes[e->row].name,
        .dtype = dtypes[e->row].dtype,
        .n_dims = e->n_dims,
        .offset = h->data_at + e->offsets[0],
        .n_bytes = e->offsets[1] - e->offsets[0],
    };
    memcpy(tensor->shape, e->shape, e->n_dims * sizeof *e->shape);
}

/* Counts tensors and bytes of names; stores the entries if there is memory for them. */
static bool read_entries(nm_safetensors *st, header *h, nomul_error *err)
{
    nm_json json;
    bool    metadata = false;

    st->n_tensors = h->n_text = 0;
    nm_json_init(&json, h->json, h->n_json);
    nm_json_next(&json); /* '{', as the caller has checked */
    while (nm_json_next(&json) == NM_JSON_KEY) {
        const nm_json name = json;
        entry         e = {0};
        if (nm_json_is(&name, "__metadata__")) {
            if (metadata) return nm_fail(err, NOMUL_E_FORMAT, "__metadata__: occurs twice");
            metadata = true;
            if (!read_metadata(&json, err)) return nm_fail_in(err, "__metadata__");
            continue;
        }
        if (has_nul(&name))
            return nm_fail(err, NOMUL_E_FORMAT, "tensor %.*s: name has a NUL in it", SHOW(&name));
        if (!read_entry(&json, &e, err)) return nm_fail_in(err, "tensor %.*s", SHOW(&name));
        if (st->tensors) store(st, h, &name, &e);
        st->n_tensors++;
        h->n_text += name.n_text + 1;
    }
    if (json.type == NM_JSON_OBJECT_END) nm_json_next(&json);
    return json.type == NM_JSON_END || nm_json_fail(&json, err) || nm_fail_in(err, "header");
}

/* Empty tensors have the offset of the next one, so the shorter comes first; then by name. */
static int compare_offsets(const void *left, const void *right)
{
    const nm_safetensor *a = left, *b = right;

    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    if (a->n_bytes != b->n_bytes) return a->n_bytes < b->n_bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* The tensors fill the data from end to end without a gap; each name is there once. */
static bool check_tensors(nm_safetensors *st, const header *h, nm_names *names, nomul_error *err)
{
    size_t   n = st->n_tensors;
    uint64_t at = 0; /* <= data_bytes */

    qsort(st->tensors, n, sizeof *st->tensors, compare_offsets);
    for (size_t i = 0, number; i < n; i++) {
        const char *name = st->tensors[i].name;
        if (!nm_names_add(names, name, strlen(name), &number, err)) return false;
        if (number != i) return nm_fail(err, NOMUL_E_FORMAT, "tensor %s: occurs twice", name);
    }
    for (size_t i = 0; i < n; i++) {
        const nm_safetensor *tensor = &st->tensors[i];
        if (tensor->offset - h->data_at != at)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "tensor %s: data begins at %" PRIu64 ", expected %" PRIu64, tensor->name,
                           tensor->offset - h->data_at, at);
        if (tensor->n_bytes > h->data_bytes - at)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "tensor %s: needs %" PRIu64 " bytes, file ends after %" PRIu64,
                           tensor->name, tensor->n_bytes, h->data_bytes - at);
        at += tensor->n_bytes;
    }
    return at == h->data_bytes ||
           nm_fail(err, NOMUL_E_FORMAT, "has %" PRIu64 " bytes after its last tensor",
                   h->data_bytes - at);
}

static void drop_tensors(nm_safetensors *st)
{
    nm_free(st->tensors);
    nm_free(st->text);
    *st = (nm_safetensors){.file = st->file};
}

bool nm_safetensors_parse(nm_safetensors *st, const char *json, size_t n_json, uint64_t data_bytes,
                          nomul_error *err)
{
    nm_names names = {0};
    header   h = {.json = json, .n_json = n_json, .data_bytes = data_bytes};

    h.data_at = LENGTH_BYTES + n_json;
    if (n_json == 0 || json[0] != '{')
        return nm_fail(err, NOMUL_E_FORMAT, "header does not begin with '{'");
    bool ok = read_entries(st, &h, err);
    if (ok) {
        /* At most 100 MB / 49 bytes = 2,040,816 entries, so the products fit into 32 bits. */
        size_t n_bytes = st->n_tensors * sizeof *st->tensors;
        st->tensors = nm_alloc(n_bytes);
        st->text = nm_alloc(h.n_text);
        ok = (st->tensors && st->text) || nm_fail_memory(err, n_bytes);
    }
    ok = ok && nm_names_open(&names, st->n_tensors, err) && read_entries(st, &h, err) &&
         check_tensors(st, &h, &names, err);
    nm_names_close(&names);
    if (!ok) drop_tensors(st);
    return ok;
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
