/* SPDX-License-Identifier: Apache-2.0 */
/* The CPUs that Linux's control groups allow, in files of both versions. */
#include "test.h"

#include "faults.h"

/* What is left of a group's memory: its limit less what is in use, cached files left out. */
static void test_memory_left(void)
{
    static const struct {
        const char *limit, *used, *stat; /* NULL: no such file */
        uint64_t    want;
    } rows[] = {
        {"1000", NULL, NULL, 1000},
        {"1000", "300", NULL, 700},
        {"1000", "1300", NULL, 0},
        {"1000", "900", "anon 100\ninactive_file 300\nactive_file 500\nfile 800\n", 900},
        {"1000", "200", "inactive_file 300\n", 1000},
        {"max", "300", "inactive_file 300\n", UINT64_MAX},
    };
    static const char *const folders[] = {"",    "proc",   "proc/self",
                                          "sys", "sys/fs", "sys/fs/cgroup"};
    char                     path[1200];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const files[][2] = {{"proc/self/cgroup", "0::/\n"},
                                        {"sys/fs/cgroup/memory.max", rows[i].limit},
                                        {"sys/fs/cgroup/memory.current", rows[i].used},
                                        {"sys/fs/cgroup/memory.stat", rows[i].stat}};
        size_t            quota = 0;
        uint64_t          memory = 0;
        snprintf(path, sizeof path, "left-%zu", i);
        const char *root = test_scratch(path);
        test_case("memory: limit %s, used %s", rows[i].limit, rows[i].used ? rows[i].used : "-");
        for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
            snprintf(path, sizeof path, "%s/%s", root, folders[f]);
            test_new_folder(path);
        }
        for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
            snprintf(path, sizeof path, "%s/%s", root, files[f][0]);
            if (files[f][1]) test_write_file(path, files[f][1], strlen(files[f][1]));
        }
        if (faults_quota(root, &quota, &memory))
            CHECK_INT(memory, rows[i].want);
        else
            test_skip("this system has no control groups");
    }
}

/* The system's files are looked for in a folder that the test made. */
void test_quota(void)
{
    static const struct {
        const char *groups, *file, *text;
        size_t      want;
        uint64_t    memory; /* 0: no limit */
    } rows[] = {
        {"0::/\n", "sys/fs/cgroup/cpu.max", "150000 100000\n", 2, 0},
        {"0::/\n", "sys/fs/cgroup/cpu.max", "max 100000\n", SIZE_MAX, 0},
        {"0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max", "300000 100000\n", 3, 0},
        {"0::/a/b\n", "sys/fs/cgroup/a/cpu.max", "100000 100000\n", 1, 0},
        {"0::/elsewhere\n", "sys/fs/cgroup/cpu.max", "50000 100000\n", 1, 0},
        {"0::/../../b\n", "sys/fs/cgroup/cpu.max", "150000 100000\n", 2, 0},
        {"0::/../../../escapes\n", "escapes/cpu.max", "50000 100000\n", SIZE_MAX, 0},
        {"1:name=systemd:/a\n0::/a\n", "sys/fs/cgroup/unified/a/cpu.max", "200000 100000\n", 2, 0},
        {"0::/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n", 1, 0}, /* no line says cpu */
        {"", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n", 1, 0},
        {"", "sys/fs/cgroup/cpu.max", "100000 100000\n", 1, 0},
        {"4:cpuacct,cpu:/a\n", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "150000\n", 2, 0},
        {"4:cpu:/a\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "350000\n", 4, 0},
        {"4:cpu:/elsewhere\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "350000\n", 4, 0},
        {"0::/a/b\n", "sys/fs/cgroup/a/memory.max", "123456789\n", SIZE_MAX, 123456789},
        {"0::/a/b\n", "sys/fs/cgroup/a/memory.max", "max\n", SIZE_MAX, 0},
        {"9:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "4096\n", SIZE_MAX, 4096},
        {"4:cpu,cpuacct:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "250000\n", 3, 0},
        {"4:cpu,cpuacct:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "765000\n", 8, 0},
        {"4:cpuset:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "250000\n", SIZE_MAX, 0},
        {"4:cpu,cpuacct:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n", SIZE_MAX, 0},
        {"nonsense\n::\n0:", "sys/fs/cgroup/cpu.max", "-5 x\n", SIZE_MAX, 0},
    };
    static const char *const folders[] = {"",
                                          "proc",
                                          "proc/self",
                                          "sys",
                                          "sys/fs",
                                          "sys/fs/cgroup",
                                          "sys/fs/cgroup/a",
                                          "sys/fs/cgroup/a/b",
                                          "sys/fs/cgroup/cpu",
                                          "sys/fs/cgroup/cpu/a",
                                          "sys/fs/cgroup/unified",
                                          "sys/fs/cgroup/unified/a",
                                          "sys/fs/cgroup/cpu,cpuacct",
                                          "sys/fs/cgroup/cpu,cpuacct/a",
                                          "sys/fs/cgroup/memory",
                                          "sys/fs/cgroup/memory/a",
                                          "escapes"};
    static const char *const periods[] = {"cpu", "cpu/a", "cpu,cpuacct/a"};
    char                     path[1200];

    const char *root = test_scratch("root");
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        snprintf(path, sizeof path, "%s/%s", root, folders[f]);
        test_new_folder(path);
    }
    for (size_t f = 0; f < sizeof periods / sizeof *periods; f++) {
        snprintf(path, sizeof path, "%s/sys/fs/cgroup/%s/cpu.cfs_period_us", root, periods[f]);
        test_write_file(path, "100000\n", 7);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_case("quota: %.20s in %s", rows[i].text, rows[i].file);
        snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
        test_write_file(path, rows[i].groups, strlen(rows[i].groups));
        snprintf(path, sizeof path, "%s/%s", root, rows[i].file);
        test_write_file(path, rows[i].text, strlen(rows[i].text));
        size_t   quota = 0;
        uint64_t memory = 0;
        if (faults_quota(root, &quota, &memory)) {
            CHECK_INT(quota, rows[i].want);
            CHECK_INT(memory, rows[i].memory ? rows[i].memory : UINT64_MAX);
        } else
            test_skip("this system has no control groups");
        remove(path);
    }
    test_memory_left();
}
