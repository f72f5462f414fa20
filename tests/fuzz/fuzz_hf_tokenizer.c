/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as tokenizer.json: every piece that it makes is read. */
#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "convert/hf_tokenizer.h"
#include "convert/tokenizer_json.h"

#include <string.h>

#define CAPACITY 300 /* vocab_size: some inputs have more, some have fewer pieces */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nm_hf_tokenizer t = {.capacity = CAPACITY, .unk_id = -1, .bos_id = -1, .eos_id = -1};
    nomul_error     err = {.code = NOMUL_OK};

    t.pieces = nm_alloc(CAPACITY * sizeof *t.pieces);
    MUST(t.pieces);
    memset(t.pieces, 0, CAPACITY * sizeof *t.pieces);
    if (nm_tokenizer_json_read(&t, (const char *)data, size, &err)) {
        MUST(t.n_pieces <= CAPACITY && t.unk_id < (int32_t)t.n_pieces);
        for (size_t id = 0; id < t.n_pieces; id++) {
            const nm_sp_piece *piece = &t.pieces[id];
            MUST(piece->type >= NOMUL_TOKEN_NORMAL && piece->type <= NOMUL_TOKEN_BYTE);
            fuzz_touch(piece->text, piece->n_text);
            MUST(nm_names_find(&t.names, piece->text, piece->n_text) == id);
        }
    } else {
        MUST(err.code != NOMUL_OK && err.text[0]);
    }
    nm_hf_tokenizer_close(&t);
    return 0;
}
