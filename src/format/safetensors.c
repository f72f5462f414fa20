/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is
 *
 *     u64 n_json | JSON, n_json bytes | data
 *     {"__metadata__": {"format": "pt"},
 *      "NAME": {"dtype": "BF16", "shape": [2048, 1024], "data_offsets": [begin, end]}, ...}
 *
 * with offsets from the start of the data.  The header is read once: an entry without spaces is at
 * least 49 bytes long, "":{"dtype":"I8","shape":[],"data_offsets":[0,1]}, which bounds the number
 * of tensors, and a name with its quotes is longer than the same name with a NUL, which bounds the
 * text.  So memory stays within a few times the header's size.
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
#define MIN_ENTRY_BYTES 49

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

/*
 * Reads the value of one field; *element_bytes is that of the dtype.  The offset counts from the
 * start of the data until check_tensors has seen all of them.
 */
static bool read_field(nm_json *json, int field, nm_safetensor *tensor, uint64_t *element_bytes,
                       nomul_error *err)
{
    static const char not_two[] = "data_offsets is not an array of two whole numbers";
    uint64_t          offsets[2];
    uint32_t          n = 0;

    switch (field) {
    case DTYPE:
        if (nm_json_next(json) != NM_JSON_STRING)
            return fail_event(json, "dtype is not a string", err);
        for (size_t i = 0; i < N_DTYPES; i++) {
            if (!nm_json_is(json, dtypes[i].name)) continue;
            tensor->dtype_name = dtypes[i].name;
            tensor->dtype = dtypes[i].dtype;
            *element_bytes = dtypes[i].n_bytes;
            return true;
        }
        return nm_fail(err, NOMUL_E_FORMAT, "dtype %.*s is unknown", SHOW(json));
    case SHAPE:
        if (!read_numbers(json, tensor->shape, NM_SAFETENSORS_MAX_DIMS, &tensor->n_dims,
                          "shape is not an array of whole numbers", err))
            return false;
        return tensor->n_dims <= NM_SAFETENSORS_MAX_DIMS ||
               nm_fail(err, NOMUL_E_UNSUPPORTED, "has more than %d dimensions",
                       NM_SAFETENSORS_MAX_DIMS);
    case OFFSETS:
        if (!read_numbers(json, offsets, 2, &n, not_two, err)) return false;
        if (n != 2) return fail_event(json, not_two, err);
        tensor->offset = offsets[0];
        tensor->n_bytes = offsets[1] - offsets[0];
        return offsets[0] <= offsets[1] ||
               nm_fail(err, NOMUL_E_FORMAT,
                       "data_offsets run backwards, from %" PRIu64 " to %" PRIu64, offsets[0],
                       offsets[1]);
    default: return nm_fail(err, NOMUL_E_FORMAT, "key %.*s is unknown", SHOW(json));
    }
}

/* Reads the object after the tensor's name; its size must be that of its shape and dtype. */
static bool read_entry(nm_json *json, nm_safetensor *tensor, nomul_error *err)
{
    bool     seen[N_FIELDS] = {false};
    uint64_t n_bytes = 0; /* of an element, then of all */

    if (nm_json_next(json) != NM_JSON_OBJECT) return fail_event(json, "is not an object", err);
    while (nm_json_next(json) == NM_JSON_KEY) {
        int field = 0;
        while (field < N_FIELDS && !nm_json_is(json, fields[field])) field++;
        if (field < N_FIELDS && seen[field])
            return nm_fail(err, NOMUL_E_FORMAT, "%s: occurs twice", fields[field]);
        if (!read_field(json, field, tensor, &n_bytes, err)) return false;
        seen[field] = true;
    }
    if (json->type == NM_JSON_ERROR) return nm_json_fail(json, err);
    for (size_t i = 0; i < N_FIELDS; i++)
        if (!seen[i]) return nm_fail(err, NOMUL_E_FORMAT, "%s: missing", fields[i]);
    for (uint32_t i = 0; i < tensor->n_dims; i++)
        if (!nm_mul_u64(n_bytes, tensor->shape[i], &n_bytes))
            return nm_fail(err, NOMUL_E_FORMAT, "its size overflows");
    return n_bytes == tensor->n_bytes ||
           nm_fail(err, NOMUL_E_FORMAT, "has %" PRIu64 " bytes, expected %" PRIu64, tensor->n_bytes,
                   n_bytes);
}

/* ---- The header ------------------------------------------------------------------------------ */

/* Reads the header after its '{': tensors, and one object of strings, which is skipped. */
static bool read_tensors(nm_safetensors *st, nm_json *json, nomul_error *err)
{
    bool  metadata = false;
    char *text = st->text;

    while (nm_json_next(json) == NM_JSON_KEY) {
        const nm_json name = *json;
        if (nm_json_is(&name, "__metadata__")) {
            if (metadata) return nm_fail(err, NOMUL_E_FORMAT, "__metadata__: occurs twice");
            metadata = true;
            bool ok =
                nm_json_next(json) == NM_JSON_OBJECT || fail_event(json, "is not an object", err);
            while (ok && nm_json_next(json) == NM_JSON_KEY)
                ok = nm_json_next(json) == NM_JSON_STRING ||
                     fail_event(json, "a value is not a string", err);
            if (ok && json->type == NM_JSON_ERROR) ok = nm_json_fail(json, err);
            if (!ok) return nm_fail_in(err, "__metadata__");
            continue;
        }
        nm_safetensor tensor = {.name = text};
        size_t        n_text = nm_json_string(&name, text);
        if (memchr(text, '\0', n_text))
            return nm_fail(err, NOMUL_E_FORMAT, "tensor %.*s: name has a NUL in it", SHOW(&name));
        text[n_text] = '\0';
        text += n_text + 1;
        if (!read_entry(json, &tensor, err)) return nm_fail_in(err, "tensor %.*s", SHOW(&name));
        st->tensors[st->n_tensors++] = tensor; /* a whole entry, so there is room for it */
    }
    if (json->type == NM_JSON_OBJECT_END) nm_json_next(json);
    return json->type == NM_JSON_END || nm_json_fail(json, err) || nm_fail_in(err, "header");
}

/* Empty tensors have the offset of the next one, so the shorter comes first; then by name. */
static int compare_offsets(const void *left, const void *right)
{
    const nm_safetensor *a = left, *b = right;

    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    if (a->n_bytes != b->n_bytes) return a->n_bytes < b->n_bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

/*
 * The tensors fill the data from end to end without a gap; each name is there once.  Offsets become
 * those from the start of the file, where the data begins at data_at.
 */
static bool check_tensors(nm_safetensors *st, uint64_t data_at, uint64_t data_bytes,
                          nm_names *names, nomul_error *err)
{
    size_t   n = st->n_tensors;
    uint64_t at = 0; /* <= data_bytes */

    qsort(st->tensors, n, sizeof *st->tensors, compare_offsets);
    for (size_t i = 0, number; i < n; i++) {
        const char *name = st->tensors[i].name;
        if (!nm_names_add(names, name, strlen(name), &number, err)) return false;
        if (number != i) return nm_fail(err, NOMUL_E_FORMAT, "tensor %s: occurs twice", name);
    }
    for (nm_safetensor *tensor = st->tensors; tensor < st->tensors + n; tensor++) {
        if (tensor->offset != at)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "tensor %s: data begins at %" PRIu64 ", expected %" PRIu64, tensor->name,
                           tensor->offset, at);
        if (tensor->n_bytes > data_bytes - at)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "tensor %s: needs %" PRIu64 " bytes, file ends after %" PRIu64,
                           tensor->name, tensor->n_bytes, data_bytes - at);
        at += tensor->n_bytes;
        tensor->offset += data_at;
    }
    return at == data_bytes ||
           nm_fail(err, NOMUL_E_FORMAT, "has %" PRIu64 " bytes after its last tensor",
                   data_bytes - at);
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
    nm_json  reader;

    nm_json_init(&reader, json, n_json);
    if (n_json == 0 || json[0] != '{' || nm_json_next(&reader) != NM_JSON_OBJECT)
        return nm_fail(err, NOMUL_E_FORMAT, "header does not begin with '{'");
    /* At most 100 MB / 49 bytes = 2,040,816 entries, so the product fits into 32 bits. */
    size_t n_bytes = n_json / MIN_ENTRY_BYTES * sizeof *st->tensors;
    st->tensors = nm_alloc(n_bytes);
    st->text = nm_alloc(n_json);
    bool ok = (st->tensors && st->text) || nm_fail_memory(err, n_bytes);
    ok = ok && read_tensors(st, &reader, err) && nm_names_open(&names, st->n_tensors, err) &&
         check_tensors(st, LENGTH_BYTES + n_json, data_bytes, &names, err);
    nm_names_close(&names);
    if (!ok) drop_tensors(st);
    return ok;
}

/* ---- The file -------------------------------------------------------------------------------- */

bool nm_safetensors_open(nm_safetensors *st, const char *path, nomul_error *err)
{
    uint8_t  length[LENGTH_BYTES] = {0};
    uint64_t n_json = 0;
    char    *json = NULL;

    *st = (nm_safetensors){.file = NM_FILE_CLOSED};
    if (!nm_file_open(&st->file, path, err)) return false;
    uint64_t size = st->file.size;
    bool     ok = size >= LENGTH_BYTES ||
              nm_fail(err, NOMUL_E_FORMAT, "not a safetensors file: has %" PRIu64 " bytes", size);
    ok = ok && nm_file_read(&st->file, 0, length, sizeof length, err);
    if (ok) n_json = nm_load_u64(length);
    if (ok && n_json > NM_SAFETENSORS_MAX_HEADER)
        ok = nm_fail(err, NOMUL_E_FORMAT,
                     "not a safetensors file: header of %" PRIu64 " bytes, expected at most %d",
                     n_json, NM_SAFETENSORS_MAX_HEADER);
    if (ok && n_json > size - LENGTH_BYTES)
        ok = nm_fail(err, NOMUL_E_FORMAT, "header of %" PRIu64 " bytes, file ends after %" PRIu64,
                     n_json, size - LENGTH_BYTES);
    if (ok && !(json = nm_alloc((size_t)n_json))) ok = nm_fail_memory(err, (size_t)n_json);
    ok = ok && nm_file_read(&st->file, LENGTH_BYTES, json, (size_t)n_json, err) &&
         nm_safetensors_parse(st, json, (size_t)n_json, size - LENGTH_BYTES - n_json, err);
    nm_free(json);
    if (ok) return true;
    nm_safetensors_close(st);
    return nm_fail_in(err, "%s", path);
}

void nm_safetensors_close(nm_safetensors *st)
{
    drop_tensors(st);
    nm_file_close(&st->file);
}
