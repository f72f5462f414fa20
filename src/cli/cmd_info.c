/* SPDX-License-Identifier: Apache-2.0 */
/* nomul info: what is in a model file, and what running it will take, before any of it is taken. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/json_out.h"
#include "cli/kernels_option.h"
#include "cli/model_path.h"
#include "cli/numbers.h"
#include "cli/output.h"

typedef struct info_args {
    const char *file, *model;
    bool        check_tensors, json;
} info_args;

#define F(field) offsetof(info_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_ARG, F(file), NULL, "FILE", "the model", 0, 1},
    {'m', "model", NM_OPT_STRING, F(model), NULL, "FILE", "the same", 0, 0},
    {0, "check-tensors", NM_OPT_FLAG, F(check_tensors), NULL, NULL,
     "verify every checksum and every code too", 0, 0},
    {0, "json", NM_OPT_FLAG, F(json), NULL, NULL, "one JSON object", 0, 0},
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

static const char *type_name(nomul_value_type type)
{
    static const char *const names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                        "bool", "string", "array", "u64", "i64", "f64"};

    return (size_t)type < sizeof names / sizeof *names ? names[type] : "?";
}

static bool is_signed(nomul_value_type type)
{
    return type == NOMUL_VALUE_I8 || type == NOMUL_VALUE_I16 || type == NOMUL_VALUE_I32 ||
           type == NOMUL_VALUE_I64;
}

static bool is_float(nomul_value_type type)
{
    return type == NOMUL_VALUE_F32 || type == NOMUL_VALUE_F64;
}

/* As many as the type surely holds: 1e-6 stays 1e-6. */
static int digits(nomul_value_type type)
{
    return type == NOMUL_VALUE_F32 ? 7 : 15;
}

/* ---- For people ------------------------------------------------------------------------------ */

/* At most 60 bytes of it, one line whatever is in it. */
static void print_string(const char *text, size_t n_bytes)
{
    size_t n = n_bytes < 60 ? n_bytes : 60;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        nm_output_print("%c", c < 0x20 || c == 0x7F ? '?' : c);
    }
    if (n < n_bytes) nm_output_print("...");
}

static void print_value(const nomul_metadata *m)
{
    if (m->type == NOMUL_VALUE_STRING)
        print_string(m->string, m->n_string);
    else if (m->type == NOMUL_VALUE_ARRAY)
        nm_output_print("%s of %s", nm_show_count(m->n_elements).text, type_name(m->element_type));
    else if (m->type == NOMUL_VALUE_BOOL)
        nm_output_print("%s", m->u ? "true" : "false");
    else if (is_float(m->type))
        nm_output_print("%.*g", digits(m->type), m->f);
    else if (is_signed(m->type))
        nm_output_print("%" PRId64, m->i);
    else
        nm_output_print("%" PRIu64, m->u);
}

static void print_metadata(const nomul_model *model)
{
    nomul_metadata m = {.size = sizeof m};

    nm_output_print("\nMetadata\n");
    for (size_t i = 0; nomul_model_metadata(model, i, &m); i++) {
        nm_output_print("  %-42.*s %-7s ", (int)m.n_key, m.key, type_name(m.type));
        print_value(&m);
        nm_output_print("\n");
    }
}

static void print_tensors(const nomul_model *model)
{
    nomul_tensor t = {.size = sizeof t};

    nm_output_print("\n%-34s %-5s %16s %14s %14s  %s\n", "Tensors", "type", "dimensions", "bytes",
                    "offset", "xxh64");
    for (size_t i = 0; nomul_model_tensor(model, i, &t); i++) {
        char   dims[96];
        size_t n = 0;

        for (uint32_t d = 0; d < t.n_dims && d < 4; d++)
            n += (size_t)snprintf(dims + n, sizeof dims - n, "%s%" PRIu64, d ? " x " : "",
                                  t.dims[d]);
        nm_output_print("  %-32.*s %-5s %16s %14s %14s  %016" PRIx64 "\n", (int)t.n_name, t.name,
                        t.type, n > 0 ? dims : "1", nm_show_count(t.n_bytes).text,
                        nm_show_count(t.offset).text, t.xxh64);
    }
}

static size_t count_tensors(const nomul_model *model)
{
    nomul_tensor t = {.size = sizeof t};
    size_t       n = 0;

    while (nomul_model_tensor(model, n, &t)) n++;
    return n;
}

static void print_network(const nomul_model_info *i)
{
    nm_output_print("%-12s %" PRIu32 " layers, width %" PRIu32 ", state %" PRIu32 ", ffn %" PRIu32
                    ", vocabulary %s, lower bounds %s\n",
                    "network", i->n_layers, i->dim, i->state_dim, i->ffn_dim,
                    nm_show_count(i->n_vocab).text, i->use_lower_bound ? "yes" : "no");
    nm_output_print("%-12s %s, of them ternary %s\n", "parameters", nm_show_count(i->n_params).text,
                    nm_show_count(i->n_ternary_params).text);
    nm_output_print("%-12s %s in %s, %.3f bits a parameter\n", "ternary",
                    nm_show_bytes(i->ternary_bytes).text, i->packing,
                    8.0 * (double)i->ternary_bytes / (double)i->n_ternary_params);
    nm_output_print("%-12s %016" PRIx64 "\n", "model id", i->model_id);
}

static void print_kernels(const nomul_model *model)
{
    const char *best = nomul_model_best_packing(model);

    nm_output_print("%-12s %s, which prefer %s", "kernels", nomul_model_kernels(model), best);
    if (strcmp(best, nomul_model_get_info(model)->packing) == 0)
        nm_output_print(", as here\n");
    else
        nm_output_print(": nomul repack --pack %s\n", strcmp(best, "t5") == 0 ? "1.6bit" : "2bit");
}

static void print_human(const nomul_model *model, const char *path, bool checked)
{
    const nomul_model_info *i = nomul_model_get_info(model);

    nm_output_print("%-12s %s\n", "file", path);
    if (i->name[0] != '\0') {
        nm_output_print("%-12s ", "name");
        print_string(i->name, strlen(i->name));
        nm_output_print("\n");
    }
    print_network(i);
    print_kernels(model);
    nm_output_print("%-12s %s of file (%s bytes), mapped\n", "memory",
                    nm_show_bytes(i->file_bytes).text, nm_show_count(i->file_bytes).text);
    nm_output_print("%-12s %s for a session, of it %s of state, however long the text\n", "",
                    nm_show_bytes(nomul_session_memory(model, NULL)).text,
                    nm_show_bytes(i->state_bytes).text);
    if (checked)
        nm_output_print("%-12s %s tensors: every checksum and every code is right\n", "checked",
                        nm_show_count(count_tensors(model)).text);
    print_metadata(model);
    print_tensors(model);
}

/* ---- For programs ---------------------------------------------------------------------------- */

static void print_json_value(const nomul_metadata *m)
{
    if (m->type == NOMUL_VALUE_STRING)
        nm_json_out_string(m->string, m->n_string);
    else if (m->type == NOMUL_VALUE_ARRAY)
        nm_output_print("{\"type\":\"%s\",\"count\":%" PRIu64 "}", type_name(m->element_type),
                        m->n_elements);
    else if (is_float(m->type))
        nm_json_out_number(m->f);
    else
        print_value(m);
}

static void print_json_metadata(const nomul_model *model)
{
    nomul_metadata m = {.size = sizeof m};

    nm_output_print(",\"metadata\":{");
    for (size_t i = 0; nomul_model_metadata(model, i, &m); i++) {
        if (i > 0) nm_output_print(",");
        nm_json_out_string(m.key, m.n_key);
        nm_output_print(":");
        print_json_value(&m);
    }
    nm_output_print("}");
}

static void print_json_tensors(const nomul_model *model)
{
    nomul_tensor t = {.size = sizeof t};

    nm_output_print(",\"tensors\":[");
    for (size_t i = 0; nomul_model_tensor(model, i, &t); i++) {
        nm_output_print("%s{\"name\":", i ? "," : "");
        nm_json_out_string(t.name, t.n_name);
        nm_output_print(",\"type\":\"%s\",\"dims\":[", t.type);
        for (uint32_t d = 0; d < t.n_dims && d < 4; d++)
            nm_output_print("%s%" PRIu64, d ? "," : "", t.dims[d]);
        nm_output_print("],\"offset\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"xxh64\":\"%016" PRIx64
                        "\"}",
                        t.offset, t.n_bytes, t.xxh64);
    }
    nm_output_print("]");
}

static void print_json(const nomul_model *model, const char *path, bool checked)
{
    const nomul_model_info *i = nomul_model_get_info(model);

    nm_output_print("{\"file\":");
    nm_json_out_string(path, strlen(path));
    nm_output_print(",\"name\":");
    nm_json_out_string(i->name, strlen(i->name));
    nm_output_print(",\"layers\":%" PRIu32 ",\"dim\":%" PRIu32 ",\"state_dim\":%" PRIu32
                    ",\"ffn_dim\":%" PRIu32 ",\"vocab\":%" PRIu32 ",\"heads\":%" PRIu32,
                    i->n_layers, i->dim, i->state_dim, i->ffn_dim, i->n_vocab, i->n_heads);
    nm_output_print(",\"lower_bounds\":%s,\"packing\":\"%s\",\"model_id\":\"%016" PRIx64 "\"",
                    i->use_lower_bound ? "true" : "false", i->packing, i->model_id);
    nm_output_print(",\"kernels\":\"%s\",\"best_packing\":\"%s\"", nomul_model_kernels(model),
                    nomul_model_best_packing(model));
    nm_output_print(",\"parameters\":%" PRIu64 ",\"ternary_parameters\":%" PRIu64
                    ",\"ternary_bytes\":%" PRIu64,
                    i->n_params, i->n_ternary_params, i->ternary_bytes);
    nm_output_print(",\"file_bytes\":%" PRIu64 ",\"session_bytes\":%zu,\"state_bytes\":%" PRIu64,
                    i->file_bytes, nomul_session_memory(model, NULL), i->state_bytes);
    if (checked) nm_output_print(",\"checked\":true");
    print_json_metadata(model);
    print_json_tensors(model);
    nm_output_print("}\n");
}

static int run(const void *arguments, const char *argv0)
{
    const info_args    *args = arguments;
    const char         *path = NULL;
    nomul_model_options o;

    if (args->file && args->model) return nm_misused("info", "FILE and -m are the same");
    nomul_model_options_init(&o);
    o.check_tensors = args->check_tensors;
    if (!nm_kernels_option("info", &o.kernels)) return NM_EXIT_MISUSED;
    nomul_model *model = nm_model_open(args->file ? args->file : args->model, argv0, &o, &path);
    if (!model) return NM_EXIT_FAILED;
    if (args->json)
        print_json(model, path, args->check_tensors);
    else
        print_human(model, path, args->check_tensors);
    nomul_model_close(model);
    return NM_EXIT_DONE;
}

const nm_command nm_cmd_info = {
    "info",
    "what is in a model file, and the memory it needs",
    "Shows metadata, tensors, sizes and parameter counts of a model, and the memory that running "
    "it "
    "will take, before any of it is taken. Every number of the file is validated on the way.",
    table,
    sizeof(info_args),
    run};
