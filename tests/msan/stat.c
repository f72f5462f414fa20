/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part of libnomul.a in MODE=msan only.  MemorySanitizer of clang before version 15 does not know
 * that stat fills its struct where that is a function of libc itself (glibc 2.33 and later), so the
 * linker's --wrap leads all calls here.
 */
#include <sanitizer/msan_interface.h>
#include <sys/stat.h>

#define WRAP(name, type)                                                                           \
    int __real_##name(type, struct stat *);                                                        \
    int __wrap_##name(type, struct stat *);                                                        \
    int __wrap_##name(type what, struct stat *to)                                                  \
    {                                                                                              \
        int result = __real_##name(what, to);                                                      \
        if (result == 0) __msan_unpoison(to, sizeof *to);                                          \
        return result;                                                                             \
    }

WRAP(stat, const char *)
WRAP(lstat, const char *)
WRAP(fstat, int)
/* With _FILE_OFFSET_BITS 64 the calls go to these; on 64-bit systems the struct is the same. */
WRAP(stat64, const char *)
WRAP(lstat64, const char *)
WRAP(fstat64, int)
