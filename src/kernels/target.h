/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One binary for all CPUs: each function is compiled for the instructions it is declared with, and
 * is called only where cpu.c has found them.  So no file needs flags of its own, and an archive of
 * objects has all variants.
 */
#ifndef NM_TARGET_H
#define NM_TARGET_H

#define NM_TARGET(features) __attribute__((target(features)))

/* To clang 18 to 21, registers of 512 bits are a feature of their own, which zig turns off. */
#if defined(__clang__) && __clang_major__ >= 18 && __clang_major__ <= 21
#define NM_AVX512F "avx512f,evex512"
#else
#define NM_AVX512F "avx512f"
#endif

#endif
