/* SPDX-License-Identifier: Apache-2.0 */
/* The first 8 bytes are the number of data bytes, the rest is the header's JSON. */
#include "fuzz/fuzz.h"

#include "base/bytes.h"
#include "format/safetensors.h"

/* Tensors fill the data from end to end, in order, and can be found by name. */
static void check(const nm_safetensors *st, uint64_t base, uint64_t data_bytes)
{
    uint64_t at = base;

    for (size_t i = 0; i < st->n_tensors; i++) {
        const nm_safetensor *t = &st->tensors[i];
        MUST(t->offset == at && t->n_bytes <= data_bytes - (at - base));
        MUST(t->n_dims <= NM_SAFETENSORS_MAX_DIMS);
        at += t->n_bytes;
        fuzz_touch(t->name, strlen(t->name));
        fuzz_touch(t->dtype_name, strlen(t->dtype_name));
        if (t->dtype == NM_DTYPE_OTHER) continue;
        uint64_t n_bytes = t->dtype == NM_DTYPE_F32 ? 4 : 2;
        for (uint32_t d = 0; d < t->n_dims; d++) n_bytes *= t->shape[d];
        MUST(n_bytes == t->n_bytes);
    }
    MUST(at - base == data_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8) return 0;
    nm_safetensors st = {.file = NM_FILE_CLOSED};
    nomul_error    err = {.code = NOMUL_OK};
    uint64_t       data_bytes = nm_load_u64(data);

    if (nm_safetensors_parse(&st, (const char *)data + 8, size - 8, data_bytes, &err))
        check(&st, st.n_tensors ? st.tensors[0].offset : 0, st.n_tensors ? data_bytes : 0);
    else
        MUST(err.code != NOMUL_OK && err.text[0]);
    nm_safetensors_close(&st);
    return 0;
}
