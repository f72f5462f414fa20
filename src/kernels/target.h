/* SPDX-License-Identifier: Apache-2.0 */
/* One binary for all CPUs: a function says itself which instructions it may be made of. */
#ifndef NM_TARGET_H
#define NM_TARGET_H

#define NM_TARGET(features) __attribute__((target(features)))

#endif
