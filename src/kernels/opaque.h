/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compilers turn sums of shifts, and sums in loops, back into a multiply instruction.  A variable
 * that was made opaque on the way is taken as it comes.
 */
#ifndef NM_OPAQUE_H
#define NM_OPAQUE_H

#define NM_OPAQUE(variable) __asm__("" : "+r"(variable))

#endif
