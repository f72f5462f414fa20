/* SPDX-License-Identifier: Apache-2.0 */
#include "core_host.h"

#include "base/alloc.h"
#include "base/xxh64.h"
#include "nomul.h"
#include "nomul_bench.h"
#include "rtl/host/rtl_image.h"

#include <stdio.h>
#include <string.h>

#define SNAPSHOT_HEADER 16

static nomul_model   *model;
static nomul_session *session;
static nm_rtl_image   image;
static nm_rtl_core    core;
static core_model     facts;
static nomul_error    err;
static float          steepness = 1;

static const core_model *failed(void)
{
    fprintf(stderr, "core_sim: %s\n", err.text);
    return NULL;
}

static nomul_model *open_shape(const char *shape, const nomul_model_options *options)
{
    const char *packing = strchr(shape, ':');
    char        name[64];
    size_t      n_bytes;

    snprintf(name, sizeof name, "%.*s", packing ? (int)(packing - shape) : 63, shape);
    void *bytes =
        nomul_bench_synthesize(name, packing ? packing + 1 : "t4", NULL, NULL, &n_bytes, &err);
    return bytes ? nomul_model_open_memory(bytes, n_bytes, options, &err) : NULL;
}

void core_host_steepen(float factor)
{
    steepness = factor;
}

static void steepen(void)
{
    for (size_t l = 0; l < model->weights.config.n_layers; l++) {
        nm_layer *layer = &model->weights.layers[l];
        layer->mlgru.f_proj.w.scale *= steepness;
        layer->mlgru.i_proj.w.scale *= steepness;
        layer->mlgru.g_proj.w.scale *= steepness;
        layer->glu.gate_up_proj.w.scale *= steepness;
    }
}

const core_model *core_host_open(const char *path, size_t lanes, size_t m_strips, size_t g_strips,
                                 size_t q_groups)
{
    nomul_model_options   options;
    nomul_session_options session_options;

    core = (nm_rtl_core){lanes, m_strips, g_strips, q_groups};
    nomul_model_options_init(&options);
    options.kernels = "scalar";
    nomul_session_options_init(&session_options);
    session_options.n_threads = session_options.n_batch = 1;
    model = strncmp(path, "shape:", 6) ? nomul_model_open(path, &options, &err)
                                       : open_shape(path + 6, &options);
    if (!model) return failed();
    steepen();
    if (!(session = nomul_session_new(model, &session_options, &err))) return failed();
    if (!nm_rtl_image_make(&image, &core, model, &err)) return failed();
    facts = (core_model){.bytes = image.bytes,
                         .size = image.size,
                         .registers = image.registers,
                         .n_registers = NM_RTL_REGISTERS,
                         .vocab = model->weights.config.vocab,
                         .n_layers = model->weights.config.n_layers,
                         .state_dim = nm_config_state_dim(&model->weights.config),
                         .state_strip = image.state_strip,
                         .state_step = image.state_step};
    return &facts;
}

int core_host_move(uint64_t base)
{
    return nm_rtl_image_move(&image, base, &err) || failed();
}

void core_host_place_last(void)
{
    nm_rtl_image_place(&image, (core.m_strips - image.main_strips) / 32 * 32,
                       core.g_strips - image.gain_strips);
    facts.state_strip = image.state_strip;
}

void core_host_feed(int32_t id, float *logits, float *state)
{
    size_t n_bytes = nomul_snapshot_bytes(model);
    char  *snapshot = nm_alloc(n_bytes);

    if (!snapshot ||
        nomul_session_feed(session, &id, 1, NOMUL_LOGITS_LAST, logits, &err) != NOMUL_OK ||
        nomul_session_snapshot(session, snapshot, n_bytes, &err) != NOMUL_OK)
        failed();
    else
        memcpy(state, snapshot + SNAPSHOT_HEADER, n_bytes - SNAPSHOT_HEADER);
    nm_free(snapshot);
}

void core_host_exchange(float *state)
{
    size_t n_bytes = nomul_snapshot_bytes(model);
    char  *ours = nm_alloc(n_bytes), *theirs = nm_alloc(n_bytes);

    if (!ours || !theirs || nomul_session_snapshot(session, ours, n_bytes, &err) != NOMUL_OK) {
        failed();
    } else {
        memcpy(theirs, ours, SNAPSHOT_HEADER);
        memcpy(theirs + SNAPSHOT_HEADER, state, n_bytes - SNAPSHOT_HEADER);
        memcpy(state, ours + SNAPSHOT_HEADER, n_bytes - SNAPSHOT_HEADER);
        if (nomul_session_restore(session, theirs, n_bytes, &err) != NOMUL_OK) failed();
    }
    nm_free(ours), nm_free(theirs);
}

const char *core_host_error(uint32_t status)
{
    return nm_rtl_error_text(status);
}

uint64_t core_host_hash(const float *logits, size_t n)
{
    return nm_xxh64_of(logits, n * sizeof *logits);
}
