/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the accelerator core needs to compute a model: an image of its memory, which is the model
 * file with the core's records after it, and the values of its registers.  nm_core.v has both; the
 * tests of the core make images by this, and so would a driver.
 */
#ifndef NM_RTL_IMAGE_H
#define NM_RTL_IMAGE_H

#include "nomul_model.h"

#define NM_RTL_REGISTERS 64

/* The parameters of a core, named as in nm_core.v. */
typedef struct nm_rtl_core {
    size_t lanes, m_strips, g_strips, q_groups;
} nm_rtl_core;

/* A zeroed struct is closed. */
typedef struct nm_rtl_image {
    uint8_t *bytes; /* owned */
    size_t   size;
    uint32_t registers[NM_RTL_REGISTERS]; /* 0 is control, 1 the id: not for setting up */
    size_t   state_strip;                 /* where the state begins in the main memory */
    size_t   state_step;                  /* strips of a layer */
    size_t   main_strips, gain_strips;    /* of these memories, used from 0 on */
} nm_rtl_image;

/* What register 0 of the core reads; nm_core.v says what the core does after each error. */
enum {
    NM_RTL_RUNNING = 1 << 0,
    NM_RTL_E_BUS = 1 << 4,     /* the memory answered with an error */
    NM_RTL_E_LIMITS = 1 << 5,  /* the registers ask for more than the core has */
    NM_RTL_E_SILENCE = 1 << 6, /* the memory does not answer */
};
/* The error in words, the gravest one; "" if there is none. */
const char *nm_rtl_error_text(uint32_t status);

/* Fails where the model does not fit the core. */
bool nm_rtl_image_make(nm_rtl_image *image, const nm_rtl_core *core, const nomul_model *model,
                       nomul_error *err);
/*
 * Once: the image will lie at `base` in the core's memory instead of at 0.  Fails unless that is a
 * multiple of 64 and the image ends before byte 2^36 - 16.
 */
bool nm_rtl_image_move(nm_rtl_image *image, uint64_t base, nomul_error *err);
/*
 * Once: all in the main memory lies `main` strips, a multiple of 32, further up; all in the gain
 * memory `gain` strips.
 */
void nm_rtl_image_place(nm_rtl_image *image, size_t main, size_t gain);
void nm_rtl_image_close(nm_rtl_image *image);

#endif
