/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main for a fuzz target that has no fuzzer: runs it over files, and over every prefix of each,
 * so that any compiler can replay a corpus.  Each file is a passed test; a failed one crashes.
 */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE    *file = fopen(path, "rb");
    uint8_t *data = NULL;

    *size = 0;
    while (file && !feof(file) && !ferror(file)) {
        data = realloc(data, *size + 65536);
        if (!data) abort();
        *size += fread(data + *size, 1, 65536, file);
    }
    if (!file || ferror(file)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    fclose(file);
    return data;
}

/* From a block of exactly that size, so that a sanitizer guards its end. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);

    if (!exact) abort();
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t   size;
        uint8_t *data = read_file(argv[i], &size);
        fprintf(stderr, "%s\n", argv[i]); /* the last one named is the one that crashed */
        for (size_t prefix = 0; prefix < size; prefix += 1 + prefix / 64) run(data, prefix);
        run(data, size);
        free(data);
    }
    printf("%d passed, 0 failed, 0 skipped\n", argc - 1);
    return 0;
}
