/* SPDX-License-Identifier: Apache-2.0 */
/* The CPUs that Linux's control groups allow, in files of both versions. */
#include "test.h"

#include "faults.h"

/* The system's files are looked for in a folder that the test made. */
void test_quota(void)
{
    static const struct {
        const char *groups, *file, *text;
        size_t      want;
    } rows[] = {
        {"0::/\n", "sys/fs/cgroup/cpu.max", "150000 100000\n", 2},
        {"0::/\n", "sys/fs/cgroup/cpu.max", "max 100000\n", SIZE_MAX},
        {"0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max", "300000 100000\n", 3},
        {"0::/a/b\n", "sys/fs/cgroup/a/cpu.max", "100000 100000\n", 1},
        {"0::/elsewhere\n", "sys/fs/cgroup/cpu.max", "50000 100000\n", 1},
        {"4:cpu,cpuacct:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "250000\n", 3},
        {"4:cpuset:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "250000\n", SIZE_MAX},
        {"4:cpu,cpuacct:/a\n", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n", SIZE_MAX},
        {"nonsense\n::\n0:", "sys/fs/cgroup/cpu.max", "-5 x\n", SIZE_MAX},
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
                                          "sys/fs/cgroup/cpu/a"};
    char                     path[1200];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[32];
        snprintf(name, sizeof name, "root-%zu", i);
        const char *root = test_scratch(name);
        test_case("quota: %.20s in %s", rows[i].text, rows[i].file);
        for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
            snprintf(path, sizeof path, "%s/%s", root, folders[f]);
            test_new_folder(path);
        }
        snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
        test_write_file(path, rows[i].groups, strlen(rows[i].groups));
        snprintf(path, sizeof path, "%s/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", root);
        test_write_file(path, "100000\n", 7);
        snprintf(path, sizeof path, "%s/%s", root, rows[i].file);
        test_write_file(path, rows[i].text, strlen(rows[i].text));
        size_t quota = 0;
        if (faults_quota(root, &quota))
            CHECK_INT(quota, rows[i].want);
        else
            test_skip("this system has no control groups");
    }
}
