/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a checkpoint's config.json: what is accepted is inside the limits. */
#include "fuzz/fuzz.h"

#include "convert/hf_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nm_config   config;
    nm_hf_ids   ids;
    nomul_error err = {.code = NOMUL_OK};

    if (nm_hf_config_parse(&config, &ids, (const char *)data, size, &err))
        MUST(nm_config_check(&config, NULL) && ids.bos >= -1 && ids.eos >= -1);
    else
        MUST(err.code != NOMUL_OK && err.text[0]);
    return 0;
}
