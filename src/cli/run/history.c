/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run/history.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

typedef struct nm_point {
    bool                begun;
    int32_t             last_id;
    size_t              n_tail;
    char                tail[NM_PLACE_TAIL];
    nomul_sampler_state sampler;
} nm_point;

enum { N_POINTS = 2 * NM_HISTORY_TURNS };

uint64_t nm_place_n_tokens(const nm_place *place)
{
    return place->begun ? nomul_session_n_tokens(place->session) + 1 : 0;
}

void nm_place_add_tail(nm_place *place, const char *bytes, size_t n_bytes)
{
    size_t n_new = n_bytes < NM_PLACE_TAIL ? n_bytes : NM_PLACE_TAIL;
    size_t n_old = place->n_tail < NM_PLACE_TAIL - n_new ? place->n_tail : NM_PLACE_TAIL - n_new;

    if (n_new == 0) return;
    memmove(place->tail, place->tail + place->n_tail - n_old, n_old);
    memcpy(place->tail + n_old, bytes + n_bytes - n_new, n_new);
    place->n_tail = n_old + n_new;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

size_t nm_history_bytes(const nomul_model *model)
{
    return N_POINTS * (nomul_snapshot_bytes(model) + sizeof(nm_point));
}

bool nm_history_init(nm_history *h, const nomul_model *model, nomul_error *err)
{
    *h = (nm_history){.n_state = nomul_snapshot_bytes(model)};
    h->points = nm_alloc(N_POINTS * sizeof *h->points);
    h->states = nm_alloc(N_POINTS * h->n_state);
    return (h->points && h->states) || nm_fail_memory(err, nm_history_bytes(model));
}

void nm_history_free(nm_history *h)
{
    nm_free(h->points);
    nm_free(h->states);
    *h = (nm_history){0};
}

void nm_history_clear(nm_history *h)
{
    h->n_turns = 0;
}

/* ---- Points ---------------------------------------------------------------------------------- */

static size_t before_words(size_t turn)
{
    return 2 * turn;
}

static size_t before_answer(size_t turn)
{
    return 2 * turn + 1;
}

static size_t last_turn(const nm_history *h)
{
    return (h->next + NM_HISTORY_TURNS - 1) % NM_HISTORY_TURNS;
}

static bool keep(nm_history *h, size_t index, const nm_place *place, nomul_error *err)
{
    nm_point *point = &h->points[index];

    point->begun = place->begun;
    point->last_id = place->last_id;
    point->n_tail = place->n_tail;
    memcpy(point->tail, place->tail, sizeof point->tail);
    nomul_sampler_get_state(place->sampler, &point->sampler);
    return nomul_session_snapshot(place->session, h->states + index * h->n_state, h->n_state,
                                  err) == NOMUL_OK;
}

static bool go_back(const nm_history *h, size_t index, nm_place *place, nomul_error *err)
{
    const nm_point *point = &h->points[index];

    if (nomul_session_restore(place->session, h->states + index * h->n_state, h->n_state, err) !=
        NOMUL_OK)
        return false;
    place->begun = point->begun;
    place->last_id = point->last_id;
    place->n_tail = point->n_tail;
    memcpy(place->tail, point->tail, sizeof place->tail);
    return nomul_sampler_set_state(place->sampler, &point->sampler, err) == NOMUL_OK;
}

/* ---- Turns ----------------------------------------------------------------------------------- */

bool nm_history_begin(nm_history *h, const nm_place *place, nomul_error *err)
{
    if (!keep(h, before_words(h->next), place, err)) return false;
    h->next = (h->next + 1) % NM_HISTORY_TURNS;
    if (h->n_turns < NM_HISTORY_TURNS) h->n_turns++;
    return true;
}

bool nm_history_asked(nm_history *h, const nm_place *place, nomul_error *err)
{
    return keep(h, before_answer(last_turn(h)), place, err);
}

bool nm_history_undo(nm_history *h, nm_place *place, nomul_error *err)
{
    if (h->n_turns == 0) return nm_fail(err, NOMUL_E_ARG, "nothing to take back");
    if (!go_back(h, before_words(last_turn(h)), place, err)) return false;
    h->next = last_turn(h);
    h->n_turns--;
    return true;
}

bool nm_history_retry(nm_history *h, nm_place *place, nomul_error *err)
{
    nomul_sampler_state now, then;

    if (h->n_turns == 0) return nm_fail(err, NOMUL_E_ARG, "nothing to try again");
    nomul_sampler_get_state(place->sampler, &now);
    if (!go_back(h, before_answer(last_turn(h)), place, err)) return false;
    nomul_sampler_get_state(place->sampler, &then);
    memcpy(then.rng, now.rng, sizeof then.rng);
    return nomul_sampler_set_state(place->sampler, &then, err) == NOMUL_OK;
}
