/* SPDX-License-Identifier: Apache-2.0 */
/* Processors of two kinds: which ones are the fast ones, in made-up files of Linux. */
#include "test.h"

#include "faults.h"

static const char *path_in(const char *root, const char *file)
{
    static char path[1200];

    snprintf(path, sizeof path, "%s/%s", root, file);
    return path;
}

/* The files of a system: Intel's list of fast cores, and the capacities of ARM's cores. */
static void make_system(const char *root, const char *list, const int capacities[8])
{
    static const char *const folders[] = {"",
                                          "sys",
                                          "sys/devices",
                                          "sys/devices/cpu_core",
                                          "sys/devices/system",
                                          "sys/devices/system/cpu"};
    char                     name[80], text[16];

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        test_new_folder(path_in(root, folders[i]));
    if (list) test_write_file(path_in(root, "sys/devices/cpu_core/cpus"), list, strlen(list));
    for (int i = 0; i < 8; i++) {
        if (!capacities[i]) continue;
        snprintf(name, sizeof name, "sys/devices/system/cpu/cpu%d", i);
        test_new_folder(path_in(root, name));
        strcat(name, "/cpu_capacity");
        snprintf(text, sizeof text, "%d\n", capacities[i]);
        test_write_file(path_in(root, name), text, strlen(text));
    }
}

void test_hybrid(void)
{
    static const struct {
        const char *what, *list;
        int         capacities[8];
        uint64_t    ours, want;
    } rows[] = {
        {"no files", NULL, {0}, 0xFF, 0xFF},
        {"fast cores first", "0-7\n", {0}, 0xFFFFF, 0xFF},
        {"two ranges", "0-3,8,10-11\n", {0}, 0xFFF, 0xD0F},
        {"some of them are ours", "0-7\n", {0}, 0xF0F0, 0xF0},
        {"none of them is ours", "0-7\n", {0}, 0xFF00, 0xFF00},
        {"beyond what a set holds", "0,5000-9000\n", {0}, 3, 1},
        {"no list", "all\n", {0}, 0xF, 0xF},
        {"an empty list", "\n", {0}, 0xF, 0xF},
        {"little and big", NULL, {446, 446, 446, 446, 1024, 1024, 1024, 1024}, 0xFF, 0xF0},
        {"half the best counts", NULL, {511, 512, 1024, 250, 0, 0, 0, 0}, 0xF, 6},
        {"one kind", NULL, {1024, 1024, 1024, 1024, 0, 0, 0, 0}, 0xF, 0xF},
        {"the best are not ours", NULL, {446, 446, 1024, 1024, 0, 0, 0, 0}, 3, 3},
        {"one that does not say", NULL, {446, 0, 1024, 1024, 0, 0, 0, 0}, 0xF, 0xF},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char     name[32];
        uint64_t cpus = rows[i].ours;
        snprintf(name, sizeof name, "system-%zu", i);
        const char *root = test_scratch(name);
        test_case("fast processors: %s", rows[i].what);
        make_system(root, rows[i].list, rows[i].capacities);
        if (faults_fast(root, &cpus))
            CHECK_INT(cpus, rows[i].want);
        else
            test_skip("this system has no such files");
    }
}
