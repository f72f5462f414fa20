/* SPDX-License-Identifier: Apache-2.0 */
/* e^x of our own, because libm's differs from machine to machine and a seed must give one text. */
#ifndef NM_EXP_H
#define NM_EXP_H

/*
 * The same bits everywhere.  Less than 1 ulp off for every x; 0 far below and infinity far above
 * the range of binary32; a NaN gives a NaN.
 */
float nm_exp(float x);

#endif
