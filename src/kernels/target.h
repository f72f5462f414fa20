/* SPDX-License-Identifier: Apache-2.0 */
/* One binary for all CPUs: each function is compiled for the instructions it is declared with. */
#ifndef NM_TARGET_H
#define NM_TARGET_H

#define NM_TARGET(features) __attribute__((target(features)))

#endif
