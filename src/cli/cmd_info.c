/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul info: what is in a model file, and the memory that running it will take.  It opens the
 * model as every command does, so everything printed has been validated, but makes no session.
 * Names and strings of the file are printed through nm_output_visible.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/record.h"

typedef struct info_args {
    const char  *file;
    nm_open_args open;
    bool         metadata, tensors, check_tensors, json;
} info_args;

#define F(field) offsetof(info_args, field)
static const nm_option table[] = {
    NM_ARG(F(file), "FILE", 0, "model file", NM_INPUT),
    NM_FILE('m', "model", F(open.model), NULL, "the same", NM_INPUT),
    NM_FLAG(0, "metadata", F(metadata), "also list the keys and values of the file"),
    NM_FLAG(0, "tensors", F(tensors), "also list the tensors"),
    NM_FLAG(0, "check-tensors", F(check_tensors),
            "also verify the checksum, the codes and the floats of every tensor, and the model id"),
    NM_FLAG(0, "json", F(json), "print one JSON object"),
    NM_END,
};

typedef struct value_type {
    const char *name;
    char        kind;   /* unsigned, integer, float, bool, string, array */
    int         digits; /* of a float, those that the type surely holds: 1e-6 stays 1e-6 */
} value_type;

/* By the number that GGUF gives the type. */
static value_type type_of(nomul_value_type type)
{
    static const value_type types[] = {
        {"u8", 'u', 0},  {"i8", 'i', 0},  {"u16", 'u', 0},  {"i16", 'i', 0},    {"u32", 'u', 0},
        {"i32", 'i', 0}, {"f32", 'f', 7}, {"bool", 'b', 0}, {"string", 's', 0}, {"array", 'a', 0},
        {"u64", 'u', 0}, {"i64", 'i', 0}, {"f64", 'f', 15},
    };

    return (size_t)type < sizeof types / sizeof *types ? types[type] : (value_type){"?", 'a', 0};
}

/* ---- For people ------------------------------------------------------------------------------ */

static void print_string(const char *text, size_t n_bytes)
{
    enum { SHOWN = 60 };

    nm_output_visible(text, n_bytes < SHOWN ? n_bytes : SHOWN, false);
    if (n_bytes > SHOWN) nm_output_print("...");
}

static void print_value(const nomul_metadata *m)
{
    value_type type = type_of(m->type);

    switch (type.kind) {
    case 's': print_string(m->string, m->n_string); break;
    case 'b': nm_output_print("%s", m->u ? "true" : "false"); break;
    case 'f': nm_output_print("%.*g", type.digits, m->f); break;
    case 'i': nm_output_print("%" PRId64, m->i); break;
    case 'u': nm_output_print("%" PRIu64, m->u); break;
    default:
        nm_output_print("%s of %s", nm_show_count(m->n_elements).text,
                        type_of(m->element_type).name);
    }
}

/*
 * The lists that were asked for.  Keys and names come from the file and may hold anything: they are
 * made visible, and padded by their bytes.
 */
static void print_lists(const nomul_model *model, bool metadata, bool tensors)
{
    nomul_metadata m = {.size = sizeof m};
    nomul_tensor   t = {.size = sizeof t};

    if (metadata) nm_output_print("\nMetadata\n");
    for (size_t i = 0; metadata && nomul_model_metadata(model, i, &m, NULL); i++) {
        nm_output_print("  ");
        nm_output_visible(m.key, m.n_key, false);
        nm_output_print("%*s %-7s ", m.n_key < 42 ? 42 - (int)m.n_key : 0, "",
                        type_of(m.type).name);
        print_value(&m);
        nm_output_print("\n");
    }

    if (tensors)
        nm_output_print("\n%-34s %-5s %16s %14s %14s  %s\n", "Tensors", "type", "dimensions",
                        "bytes", "offset", "xxh64");
    for (size_t i = 0; tensors && nomul_model_tensor(model, i, &t, NULL); i++) {
        char   dims[96] = "1";
        size_t n = 0;

        for (uint32_t d = 0; d < t.n_dims && d < 4; d++) /* 4 * 20 digits and 3 " x " fit */
            n += (size_t)snprintf(dims + n, sizeof dims - n, "%s%" PRIu64, d ? " x " : "",
                                  t.dims[d]);
        nm_output_print("  ");
        nm_output_visible(t.name, t.n_name, false);
        nm_output_print("%*s %-5s %16s %14s %14s  %016" PRIx64 "\n",
                        t.n_name < 32 ? 32 - (int)t.n_name : 0, "", t.type, dims,
                        nm_show_count(t.n_bytes).text, nm_show_count(t.offset).text, t.xxh64);
    }
}

/* What the file recommends, as options: --temp 0.6 --min-p 0.1. */
static void print_sampling(const nomul_model *model)
{
    static const char prefix[] = "general.sampling.";
    const size_t      n_prefix = sizeof prefix - 1;
    nomul_metadata    m = {.size = sizeof m};
    const char       *label = "sampling";

    for (size_t i = 0; nomul_model_metadata(model, i, &m, NULL); i++) {
        if (m.n_key <= n_prefix || memcmp(m.key, prefix, n_prefix) != 0) continue;
        nm_output_print(*label ? "%-12s " : "%s, ", label);
        nm_output_visible(m.key + n_prefix, m.n_key - n_prefix, false);
        nm_output_print(" ");
        print_value(&m);
        label = "";
    }
    if (!*label) nm_output_print("\n");
}

/* What the network is, whatever computes it. */
static void print_network(nm_record *r, const nomul_model_info *i)
{
    nm_record_number(r, "network", "%s, width %" PRIu32 ", state %" PRIu32 ", ffn %" PRIu32,
                     nm_show_amount(i->n_layers, "layer").text, i->dim, i->state_dim, i->ffn_dim);
    nm_record_number(r, "", "vocabulary %s, lower bounds %s", nm_show_count(i->n_vocab).text,
                     i->use_lower_bound ? "yes" : "no");
    nm_record_number(r, "parameters", "%s, of which ternary %s", nm_show_count(i->n_params).text,
                     nm_show_count(i->n_ternary_params).text);
    nm_record_number(r, "ternary", "%s in %s, %.3f bits per parameter",
                     nm_show_bytes(i->ternary_bytes).text, i->packing,
                     8.0 * (double)i->ternary_bytes / (double)i->n_ternary_params);
    nm_record_hash(r, "model id", i->model_id);
}

/* The summary fits a screen of 24 lines and 80 columns; the lists are on request. */
static void print_human(const nomul_model *model, const char *path, const info_args *args)
{
    const nomul_model_info *i = nomul_model_get_info(model);
    const char             *best = nomul_model_best_packing(model);
    nomul_tensor            tensor = {.size = sizeof tensor};
    nomul_metadata          key = {.size = sizeof key};
    nm_record               r = {.margin = 13};
    size_t                  n_tensors = 0, n_keys = 0, pack = 0;

    while (nomul_model_tensor(model, n_tensors, &tensor, NULL)) n_tensors++;
    while (nomul_model_metadata(model, n_keys, &key, NULL)) n_keys++;
    while (strcmp(nomul_packing_name(pack), best) != 0) pack++;
    bool same = strcmp(best, i->packing) == 0;
    nm_record_text(&r, "file", path);
    if (i->name[0] != '\0') {
        nm_output_print("%-12s ", "name");
        print_string(i->name, strlen(i->name));
        nm_output_print("\n");
    }
    print_network(&r, i);
    nm_record_number(&r, "kernels", "%s, which prefer %s%s%s", nomul_model_kernels(model), best,
                     same ? ", as here" : ": nomul repack --pack ",
                     same ? "" : nomul_packing_option(pack));
    nm_record_number(&r, "memory", "%s of file (%s), mapped", nm_show_bytes(i->file_bytes).text,
                     nm_show_amount(i->file_bytes, "byte").text);
    nm_record_number(&r, "", "%s for a session, %s of it state, for any length of text",
                     nm_show_bytes(nomul_session_memory(model, NULL)).text,
                     nm_show_bytes(i->state_bytes).text);
    nm_record_number(&r, "", "%s for nomul logits, which keeps %d rows of logits",
                     nm_show_bytes(nm_open_logits_memory(model)).text, NM_LOGITS_ROWS);
    print_sampling(model);
    nm_record_number(&r, "contents", "%s (--metadata), %s (--tensors)",
                     nm_show_amount(n_keys, "key").text, nm_show_amount(n_tensors, "tensor").text);
    if (args->check_tensors)
        nm_record_number(&r, "checked", "%s: checksums, codes, floats and the model id are right",
                         nm_show_amount(n_tensors, "tensor").text);
    print_lists(model, args->metadata, args->tensors);
}

/* ---- For programs ---------------------------------------------------------------------------- */

/* All metadata and tensors; keys of the file become keys of an object. */
static void record_contents(nm_record *r, const nomul_model *model)
{
    nomul_metadata m = {.size = sizeof m};
    nomul_tensor   t = {.size = sizeof t};

    nm_record_open(r, "metadata", '{');
    for (size_t i = 0; nomul_model_metadata(model, i, &m, NULL); i++) {
        nm_record_key(r, m.key, m.n_key);
        switch (type_of(m.type).kind) {
        case 's': nm_record_bytes(r, NULL, m.string, m.n_string); break;
        case 'b': nm_record_bool(r, NULL, m.u != 0); break;
        case 'f': nm_record_real(r, NULL, m.f); break;
        case 'i': nm_record_number(r, NULL, "%" PRId64, m.i); break;
        case 'u': nm_record_count(r, NULL, m.u); break;
        default:
            nm_record_open(r, NULL, '{');
            nm_record_text(r, "type", type_of(m.element_type).name);
            nm_record_count(r, "count", m.n_elements);
            nm_record_close(r, '}');
        }
    }
    nm_record_close(r, '}');

    nm_record_open(r, "tensors", '[');
    for (size_t i = 0; nomul_model_tensor(model, i, &t, NULL); i++) {
        nm_record_open(r, NULL, '{');
        nm_record_bytes(r, "name", t.name, t.n_name);
        nm_record_text(r, "type", t.type);
        nm_record_open(r, "dims", '[');
        for (uint32_t d = 0; d < t.n_dims && d < 4; d++) nm_record_count(r, NULL, t.dims[d]);
        nm_record_close(r, ']');
        nm_record_count(r, "offset", t.offset);
        nm_record_count(r, "bytes", t.n_bytes);
        nm_record_hash(r, "xxh64", t.xxh64);
        nm_record_close(r, '}');
    }
    nm_record_close(r, ']');
}

static void print_json(const nomul_model *model, const char *path, const info_args *args)
{
    const nomul_model_info *i = nomul_model_get_info(model);
    nm_record               r = {.format = NM_RECORD_JSON};

    nm_record_open(&r, NULL, '{');
    nm_record_text(&r, "file", path);
    nm_record_text(&r, "name", i->name);
    nm_record_count(&r, "layers", i->n_layers);
    nm_record_count(&r, "dim", i->dim);
    nm_record_count(&r, "state_dim", i->state_dim);
    nm_record_count(&r, "ffn_dim", i->ffn_dim);
    nm_record_count(&r, "vocab", i->n_vocab);
    nm_record_count(&r, "heads", i->n_heads);
    nm_record_bool(&r, "lower_bounds", i->use_lower_bound);
    nm_record_text(&r, "packing", i->packing);
    nm_record_hash(&r, "model_id", i->model_id);
    nm_record_text(&r, "kernels", nomul_model_kernels(model));
    nm_record_text(&r, "best_packing", nomul_model_best_packing(model));
    nm_record_count(&r, "parameters", i->n_params);
    nm_record_count(&r, "ternary_parameters", i->n_ternary_params);
    nm_record_count(&r, "ternary_bytes", i->ternary_bytes);
    nm_record_count(&r, "file_bytes", i->file_bytes);
    nm_record_count(&r, "session_bytes", nomul_session_memory(model, NULL));
    nm_record_count(&r, "state_bytes", i->state_bytes);
    nm_record_count(&r, "logits_bytes", nm_open_logits_memory(model));
    if (args->check_tensors) nm_record_bool(&r, "checked", true);
    record_contents(&r, model);
    nm_record_close(&r, '}');
    nm_output_print("\n");
}

static int run(const void *arguments)
{
    const info_args *args = arguments;
    nm_open_args     open = args->open;
    nm_opened        opened = {0};

    if (args->file && args->open.model) return nm_output_misused("FILE and -m both name the model");
    if (args->file) open.model = args->file;
    int code = nm_open_model(&opened, &open, args->check_tensors ? NM_OPEN_CHECK : 0);
    if (code == NM_EXIT_DONE)
        (args->json ? print_json : print_human)(opened.model, opened.path, args);
    nm_open_close(&opened);
    return code;
}

const nm_command nm_cmd_info = {
    "info",
    "print what is in a model file and the memory it needs",
    "Prints the size, the parameter counts and the memory use of a model. --metadata and "
    "--tensors add the contents of the file, which --json always has. Every number in the file is "
    "validated first.",
    table,
    sizeof(info_args),
    run};
