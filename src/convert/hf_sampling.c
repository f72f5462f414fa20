/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads generation_config.json by the rows of NOMUL_SAMPLER_FIELDS that have a key there, so a new
 * sampler option needs nothing here.  Which type a value has to have is known by its row; keys that
 * are no sampler options are left alone.
 */
#include "convert/hf_sampling.h"

#include "base/error.h"
#include "convert/hf_json.h"

#define MAX_ROWS (NM_HF_MAX_FIELDS - 1) /* and do_sample */

typedef struct generation {
    nm_json do_sample;
    nm_json rows[MAX_ROWS]; /* in the order of nm_sampler_fields */
} generation;

/* All values are read as NM_HF_VALUE: of which type each has to be is known by its row. */
bool nm_hf_sampling_read(const char *directory, nomul_sampler_options *options, uint64_t *rows,
                         nomul_error *err)
{
    nm_hf_field fields[NM_HF_MAX_FIELDS] = {{"do_sample", NM_HF_VALUE, 0, true}};
    size_t      n_fields = 1;
    generation  g = {.do_sample = {0}};
    bool        samples = true, ok = true;
    char        path[NM_HF_PATH];
    nm_filemap  map;

    *rows = 0;
    if (!nm_hf_find(path, &map, directory, "generation_config.json", err)) return false;
    for (size_t i = 0; i < nm_n_sampler_fields && i < MAX_ROWS; i++)
        if (*nm_sampler_fields[i].hf)
            fields[n_fields++] =
                (nm_hf_field){nm_sampler_fields[i].hf, NM_HF_VALUE,
                              offsetof(generation, rows) + i * sizeof(nm_json), true};
    if (map.data)
        ok = nm_hf_read_text((const char *)map.data, map.size, fields, n_fields, &g, err) &&
             (!nm_hf_given(&g.do_sample) || nm_hf_bool(&g.do_sample, "do_sample", &samples, err));
    for (size_t i = 0; ok && samples && i < nm_n_sampler_fields && i < MAX_ROWS; i++) {
        const nm_sampler_field *f = &nm_sampler_fields[i];
        double                  value;

        if (!nm_hf_given(&g.rows[i])) continue;
        ok = nm_hf_number(&g.rows[i], f->hf, &value, err) &&
             (nm_sampler_field_check(f, value, err) || nm_fail_in(err, "%s", f->hf));
        if (!ok) break;
        nm_sampler_field_set(f, options, value);
        *rows |= UINT64_C(1) << i;
    }
    nm_filemap_close(&map);
    return ok || nm_fail_in(err, "%s", path);
}
