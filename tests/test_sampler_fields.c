/* SPDX-License-Identifier: Apache-2.0 */
/* Recommended sampling: written, read, refused; and which rows have which keys. */
#include "test.h"

#include "format/sampler_fields.h"

static nomul_error err;

/* A file with one key general.sampling.NAME. */
static bool read_one(const char *name, nomul_value_type type, uint64_t bits,
                     nomul_sampler_options *options, uint64_t *rows)
{
    nm_gguf_writer writer;
    nm_gguf        gguf;
    char           key[80];

    snprintf(key, sizeof key, "general.sampling.%s", name);
    nm_gguf_writer_init(&writer, 32);
    if (type == NOMUL_VALUE_STRING)
        nm_gguf_put_string(&writer, key, "0.5", 3);
    else
        nm_gguf_put_bits(&writer, key, type, bits);
    CHECK_OK(nm_gguf_writer_finish(&writer, &err), err);
    CHECK_OK(nm_gguf_open(&gguf, writer.bytes, writer.n_bytes, NULL, &err), err);
    nomul_sampler_options_init(options);
    bool ok = nm_sampling_read(&gguf, options, rows, &err);
    nm_gguf_close(&gguf);
    nm_gguf_writer_free(&writer);
    return ok;
}

static void test_there_and_back(void)
{
    nomul_sampler_options all, some, read;
    nm_gguf_writer        writer;
    nm_gguf               gguf;
    uint64_t              rows = 0, found;

    nomul_sampler_options_init(&all);
    for (size_t i = 0; i < nm_n_sampler_fields; i++) {
        const nm_sampler_field *f = &nm_sampler_fields[i];
        double value = f->least + (f->type == NM_SAMPLER_FLOAT ? 0.25 : (double)i + 2);
        nm_sampler_field_set(f, &all, value);
        if (*f->gguf) rows |= UINT64_C(1) << i;
    }

    test_case("what is written is read, and nothing else is touched");
    for (uint64_t bits = 0; bits <= rows; bits = bits * 2 + 1) {
        nm_gguf_writer_init(&writer, 32);
        nm_sampling_write(&writer, &all, bits);
        CHECK_OK(nm_gguf_writer_finish(&writer, &err), err);
        CHECK_OK(nm_gguf_open(&gguf, writer.bytes, writer.n_bytes, NULL, &err), err);
        nomul_sampler_options_init(&read);
        nomul_sampler_options_init(&some);
        CHECK_OK(nm_sampling_read(&gguf, &read, &found, &err), err);
        CHECK_INT(found, bits & rows);
        for (size_t i = 0; i < nm_n_sampler_fields; i++) {
            const nm_sampler_field      *f = &nm_sampler_fields[i];
            const nomul_sampler_options *from = (bits & rows) >> i & 1 ? &all : &some;
            CHECK_MEM((char *)&read + f->offset, (const char *)from + f->offset, f->n_bytes,
                      f->name);
        }
        for (size_t i = 0; i < gguf.n_keys; i++)
            CHECK_INT(nm_sampling_is_key(&gguf.keys[i], bits), i > 0);
        nm_gguf_close(&gguf);
        nm_gguf_writer_free(&writer);
    }
    test_case("a seed is not recommended: it would make every text the same");
    for (size_t i = 0; i < nm_n_sampler_fields; i++)
        if (nm_sampler_fields[i].type == NM_SAMPLER_SEED) CHECK_STR(nm_sampler_fields[i].gguf, "");
}

static void test_types(void)
{
    nomul_sampler_options o;
    uint64_t              rows;

    test_case("a number of any type");
    CHECK_OK(read_one("top_k", NOMUL_VALUE_U32, 7, &o, &rows), err);
    CHECK_INT(o.top_k, 7);
    CHECK_OK(read_one("top_k", NOMUL_VALUE_F32, 0x41000000, &o, &rows), err);
    CHECK_INT(o.top_k, 8);
    CHECK_OK(read_one("penalty_last_n", NOMUL_VALUE_I32, 0xFFFFFFFF, &o, &rows), err);
    CHECK_INT(o.repeat_last_n, -1);
    CHECK_OK(read_one("temp", NOMUL_VALUE_F64, 0x3FE0000000000000, &o, &rows), err);
    CHECK(o.temp == 0.5f && rows != 0);
    CHECK_OK(read_one("mirostat", NOMUL_VALUE_I32, 2, &o, &rows), err);
    CHECK_INT(rows, 0);
}

static void test_refused(void)
{
    static const struct {
        const char      *name;
        nomul_value_type type;
        uint64_t         bits;
        const char      *says;
    } cases[] = {
        {"temp", NOMUL_VALUE_F32, 0x7FC00000,
         "key general.sampling.temp: is nan, expected a number of at least 0"},
        {"temp", NOMUL_VALUE_STRING, 0,
         "key general.sampling.temp: is of type string, expected a number"},
        {"top_k", NOMUL_VALUE_BOOL, 1,
         "key general.sampling.top_k: is of type bool, expected a number"},
        {"temp", NOMUL_VALUE_F32, 0x7F800000,
         "key general.sampling.temp: is inf, expected a number of at least 0"},
        {"top_p", NOMUL_VALUE_F32, 0x40000000, "key general.sampling.top_p: is 2, expected 0 to 1"},
        {"top_k", NOMUL_VALUE_F32, 0x40200000,
         "key general.sampling.top_k: is 2.5, expected 0 to 1000000000"},
        {"top_k", NOMUL_VALUE_U64, UINT64_MAX,
         "key general.sampling.top_k: is 1.844674407e+19, expected 0 to 1000000000"},
    };
    nomul_sampler_options o;
    uint64_t              rows;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_case("must fail: %s", cases[i].says);
        CHECK_FAILS(read_one(cases[i].name, cases[i].type, cases[i].bits, &o, &rows), err,
                    cases[i].says);
        CHECK_INT(err.code, NOMUL_E_FORMAT);
    }
}

void test_sampler_fields(void)
{
    test_there_and_back();
    test_types();
    test_refused();
}
