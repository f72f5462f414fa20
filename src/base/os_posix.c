/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os.h for Linux, macOS and the BSDs.  Everything that a signal can interrupt is retried, except
 * waiting for input, whose callers want to know.  Quotas of control groups, large pages and the
 * like are used where a system has them.
 */
#if !defined(_WIN32) && !defined(__wasm__)
#define _GNU_SOURCE      /* sched_getaffinity */
#define _DARWIN_C_SOURCE /* sysctlbyname, _SC_NPROCESSORS_ONLN */
#define _FILE_OFFSET_BITS 64

#include "base/os.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#include <sys/sysctl.h>
#endif

#define CALL_BYTES ((size_t)1 << 30) /* some systems refuse more than INT_MAX at once */

/* ---- Memory ---------------------------------------------------------------------------------- */

void *nm_os_alloc(size_t alignment, size_t n_bytes)
{
    return aligned_alloc(alignment, n_bytes);
}

void nm_os_free(void *block)
{
    free(block);
}

/* madvise takes whole pages. */
void nm_os_large_pages(const void *block, size_t n_bytes)
{
#ifdef MADV_HUGEPAGE
    const size_t least = (size_t)4
                         << 20; /* two large pages of x86; of less, most would be wasted */
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)block + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)block + n_bytes) / page * page;

    if (n_bytes >= least) madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)block, (void)n_bytes;
#endif
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void fill_status(nm_os_status *status, const struct stat *from)
{
    *status = (nm_os_status){
        .kind = S_ISREG(from->st_mode)   ? NM_OS_REGULAR
                : S_ISDIR(from->st_mode) ? NM_OS_FOLDER
                                         : NM_OS_OTHER,
        .mode = (unsigned)from->st_mode & 0777,
        .size = (uint64_t)from->st_size,
        .volume = (uint64_t)from->st_dev,
        .number = (uint64_t)from->st_ino,
    };
}

int nm_os_stat(const char *path, nm_os_status *status)
{
    struct stat found;

    if (stat(path, &found) != 0) return errno;
    fill_status(status, &found);
    return 0;
}

int nm_os_stat_open(int fd, nm_os_status *status)
{
    struct stat found;

    if (fstat(fd, &found) != 0) return errno;
    fill_status(status, &found);
    return 0;
}

bool nm_os_is_link(const char *path)
{
    struct stat found;

    return lstat(path, &found) == 0 && S_ISLNK(found.st_mode);
}

int nm_os_open(const char *path, int *fd)
{
    do *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? errno : 0;
}

int nm_os_make_folder(const char *path, unsigned mode)
{
    return mkdir(path, (mode_t)mode) == 0 ? 0 : errno;
}

int nm_os_create(const char *path, unsigned mode, int *fd)
{
    do *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? errno : 0;
}

/* Of the effective user, which faccessat knows and access doesn't. */
int nm_os_may_write(const char *path)
{
    int fd = nm_os_descriptor(path);

    if (fd < 0) return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 ? 0 : errno;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return errno;
    return (flags & O_ACCMODE) == O_RDONLY ? EBADF : 0;
}

/*
 * Follows links by hand: realpath would go on to the file that a descriptor is open on.  A process
 * finds its descriptors in one folder of three names:
 *
 *     /dev/fd    /proc/4711/fd    /proc/4711/task/4712/fd (of a thread)
 */
int nm_os_descriptor(const char *path)
{
    enum { MOST_LINKS = 40 };
    static const char digits[] = "0123456789";
    char   at[NM_OS_PATH], folder[NM_OS_PATH], real[NM_OS_PATH], link[NM_OS_PATH], proc[64];
    size_t n_proc = (size_t)snprintf(proc, sizeof proc, "/proc/%ld", (long)getpid());

    if (strlen(path) >= sizeof at) return -1;
    strcpy(at, path);
    for (int i = 0; i < MOST_LINKS; i++) {
        size_t n_folder = nm_os_name_at(at), n_digits = strspn(at + n_folder, digits);

        snprintf(folder, sizeof folder, "%.*s", n_folder ? (int)n_folder : 1, n_folder ? at : ".");
        if (n_digits > 0 && n_digits < 9 && at[n_folder + n_digits] == '\0' &&
            nm_os_real_path(folder, real) == 0) {
            const char *rest = strncmp(real, proc, n_proc) == 0 ? real + n_proc : "";
            if (strncmp(rest, "/task/", 6) == 0) rest += 6 + strspn(rest + 6, digits);
            if (strcmp(real, "/dev/fd") == 0 || strcmp(rest, "/fd") == 0)
                return (int)strtol(at + n_folder, NULL, 10);
        }
        ssize_t n = readlink(at, link, sizeof link - 1);
        if (n <= 0) return -1;
        link[n] = '\0';
        if (link[0] == '/') n_folder = 0;
        if (n_folder + (size_t)n >= sizeof at) return -1;
        strcpy(at + n_folder, link);
    }
    return -1;
}

/* A pipe without readers is not waited for: O_NONBLOCK, for the moment of opening. */
int nm_os_open_through(const char *path, int *fd, uint64_t *at)
{
    int open_fd = nm_os_descriptor(path);

    if (open_fd >= 0) {
        *fd = fcntl(open_fd, F_DUPFD_CLOEXEC, 0);
    } else {
        do *fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        while (*fd < 0 && errno == EINTR);
        if (*fd >= 0) fcntl(*fd, F_SETFL, O_WRONLY);
    }
    if (*fd < 0) return errno;
    off_t place = lseek(*fd, 0, SEEK_CUR);
    bool  appends = (fcntl(*fd, F_GETFL) & O_APPEND) != 0; /* wherever one wants to write */
    *at = place < 0 || appends ? UINT64_MAX : (uint64_t)place;
    return 0;
}

int nm_os_write(int fd, const void *from, size_t n_bytes, size_t *n_done)
{
    ssize_t n;

    do n = write(fd, from, n_bytes < CALL_BYTES ? n_bytes : CALL_BYTES);
    while (n < 0 && errno == EINTR);
    *n_done = n < 0 ? 0 : (size_t)n;
    return n < 0 ? errno : 0;
}

/* A close that was interrupted has closed the file. */
int nm_os_close(int fd)
{
    return close(fd) == 0 || errno == EINTR ? 0 : errno;
}

int nm_os_set_mode(int fd, unsigned mode)
{
    return fchmod(fd, (mode_t)mode) == 0 ? 0 : errno;
}

int nm_os_read_at(int fd, uint64_t offset, void *to, size_t n_bytes, size_t *n_done)
{
    ssize_t n;

    if (offset > INT64_MAX) return EOVERFLOW;
    do n = pread(fd, to, n_bytes < CALL_BYTES ? n_bytes : CALL_BYTES, (off_t)offset);
    while (n < 0 && errno == EINTR);
    *n_done = n < 0 ? 0 : (size_t)n;
    return n < 0 ? errno : 0;
}

int nm_os_write_at(int fd, uint64_t offset, const void *from, size_t n_bytes, size_t *n_done)
{
    ssize_t n;

    if (offset > INT64_MAX) return EFBIG;
    do n = pwrite(fd, from, n_bytes < CALL_BYTES ? n_bytes : CALL_BYTES, (off_t)offset);
    while (n < 0 && errno == EINTR);
    *n_done = n < 0 ? 0 : (size_t)n;
    return n < 0 ? errno : 0;
}

/* EINVAL: a file system that cannot sync. */
int nm_os_sync(int fd)
{
    int result;

    do result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL ? 0 : errno;
}

void nm_os_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) return;
    nm_os_sync(fd);
    close(fd);
}

int nm_os_replace(const char *from, const char *to)
{
    return rename(from, to) == 0 ? 0 : errno;
}

int nm_os_remove(const char *path)
{
    return unlink(path) == 0 ? 0 : errno;
}

int nm_os_remove_folder(const char *path)
{
    return rmdir(path) == 0 ? 0 : errno;
}

/*
 * A record lock, which network file systems have, too.  It belongs to the process, and closing any
 * descriptor of the file would end it: nobody else opens that.
 */
int nm_os_lock(const char *path, int *fd)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    do *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    while (*fd < 0 && errno == EINTR);
    if (*fd < 0) return errno;
    if (fcntl(*fd, F_SETLK, &all) == 0 || (errno != EACCES && errno != EAGAIN)) return 0;
    close(*fd);
    *fd = -1;
    return EBUSY;
}

_Static_assert(NM_OS_PATH >= 4096, "realpath writes up to PATH_MAX, which is 4096 or 1024");

int nm_os_real_path(const char *path, char real[NM_OS_PATH])
{
    return realpath(path, real) ? 0 : errno;
}

size_t nm_os_name_at(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash + 1 - path) : 0;
}

int nm_os_map(int fd, size_t n_bytes, void **at)
{
    void *mapped = mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);

    *at = mapped == MAP_FAILED ? NULL : mapped;
    return *at ? 0 : errno;
}

void nm_os_unmap(void *at, size_t n_bytes)
{
    munmap(at, n_bytes);
}

/* ---- Streams --------------------------------------------------------------------------------- */

int nm_os_open_stream(const char *path, int *fd)
{
    int number = nm_os_open(path, fd);

    if (number == 0) fcntl(*fd, F_SETFL, O_RDONLY);
    return number;
}

/* A signal interrupts poll, even where its handler has read restarted. */
int nm_os_wait_input(int fd, int milliseconds)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int           n = poll(&wait, 1, milliseconds);

    return n > 0 ? 0 : n < 0 ? errno : ETIMEDOUT;
}

int nm_os_read(int fd, void *to, size_t n_bytes, size_t *n_done)
{
    ssize_t n = read(fd, to, n_bytes < CALL_BYTES ? n_bytes : CALL_BYTES);

    *n_done = n < 0 ? 0 : (size_t)n;
    return n < 0 ? errno : 0;
}

bool nm_os_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

bool nm_os_has_escapes(int fd)
{
    const char *term = getenv("TERM");

    return isatty(fd) == 1 && term && *term && strcmp(term, "dumb") != 0;
}

bool nm_os_terminal_size(int fd, size_t *columns, size_t *rows)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return false;
    *columns = size.ws_col, *rows = size.ws_row;
    return true;
}

/* ---- Terminal by keys ------------------------------------------------------------------------ */

static_assert(sizeof(struct termios) <= sizeof(nm_os_keys), "os.h has room for it");

int nm_os_keys_save(nm_os_keys *keys)
{
    return tcgetattr(STDIN_FILENO, (struct termios *)(void *)keys) == 0 ? 0 : errno;
}

bool nm_os_keys_set(const nm_os_keys *keys, bool by_keys)
{
    struct termios mode = *(const struct termios *)(const void *)keys;

    if (tcgetpgrp(STDIN_FILENO) != getpgrp()) return false;
    if (by_keys) {
        mode.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INLCR | IGNCR | ISTRIP | IXON);
        mode.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN);
        mode.c_cc[VMIN] = 1, mode.c_cc[VTIME] = 0;
    }
    return tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0;
}

bool nm_os_echoes(void)
{
    struct termios mode;

    return tcgetattr(STDIN_FILENO, &mode) == 0 && mode.c_lflag & ECHO;
}

/* ---- Clocks and processors ------------------------------------------------------------------- */

static uint64_t read_clock(clockid_t clock)
{
    struct timespec t = {0, 0};

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t nm_os_nanoseconds(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t nm_os_thread_nanoseconds(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t nm_os_unlike(void)
{
    return read_clock(CLOCK_REALTIME) ^ nm_os_process() << 40;
}

bool nm_os_random(void *to, size_t n_bytes)
{
    FILE  *file = fopen("/dev/urandom", "rb");
    size_t n = file ? fread(to, 1, n_bytes, file) : 0;

    if (file) fclose(file);
    return n == n_bytes;
}

uint64_t nm_os_process(void)
{
    return (uint64_t)getpid();
}

#if defined(__linux__)

/* The first line of a file without its newline; false if there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    bool  ok = file && fgets(line, (int)size, file);

    if (file) fclose(file);
    if (ok) line[strcspn(line, "\n")] = '\0';
    return ok;
}

/* What control groups allow: the least of all that were looked at. */
typedef struct cgroup_limits {
    size_t   processors;
    uint64_t memory;
} cgroup_limits;

/* The number in a file of a folder, after those of n_skip words; 0 if there is none. */
static long long read_number(const char *folder, const char *name, int n_skip)
{
    char path[NM_OS_PATH + 128], line[64];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!read_line(path, line, sizeof line)) return 0;
    const char *at = line;
    for (; n_skip > 0; n_skip--) at += strcspn(at, " "), at += strspn(at, " ");
    return strtoll(at, NULL, 10); /* "max" and words: 0; no limit in v1: -1, or near 2^63 */
}

/* The sum of the lines of a folder's memory.stat that count pages of files, which can be freed. */
static uint64_t file_pages(const char *folder, const char *inactive, const char *active)
{
    char               path[NM_OS_PATH + 128], line[128], name[64];
    unsigned long long value;
    uint64_t           total = 0;

    snprintf(path, sizeof path, "%s/memory.stat", folder);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%63s %llu", name, &value) == 2 &&
            (strcmp(name, inactive) == 0 || strcmp(name, active) == 0))
            total += value;
    if (file) fclose(file);
    return total;
}

/* Files of a group: quota and period of version 2 are words of one. */
typedef struct group_files {
    const char *quota, *period;
    int         n_before_period;
    const char *limit, *used, *inactive, *active; /* the last two are lines of memory.stat */
} group_files;

static const group_files version_2 = {
    "cpu.max", "cpu.max", 1, "memory.max", "memory.current", "inactive_file", "active_file"};
static const group_files cpu_1 = {.quota = "cpu.cfs_quota_us", .period = "cpu.cfs_period_us"};
static const group_files memory_1 = {.limit = "memory.limit_in_bytes",
                                     .used = "memory.usage_in_bytes",
                                     .inactive = "total_inactive_file",
                                     .active = "total_active_file"};

/*
 * Whole processors are counted.  Of the memory that a group may have, what it has now is taken
 * away, but for cached files.  Every command asks, so no file is tried that tells nothing.
 */
static void see_group(const char *folder, const group_files *f, cgroup_limits *least)
{
    long long quota = f->quota ? read_number(folder, f->quota, 0) : 0;
    long long period = quota > 0 ? read_number(folder, f->period, f->n_before_period) : 0;
    long long limit = f->limit ? read_number(folder, f->limit, 0) : 0;

    if (period > 0) {
        size_t n = (size_t)(quota / period + (quota % period != 0));
        if (n < least->processors) least->processors = n;
    }
    if (limit > 0 && limit <= INT64_MAX / 2) {
        long long used = read_number(folder, f->used, 0);
        uint64_t  cached = file_pages(folder, f->inactive, f->active);
        uint64_t  taken = used > 0 && (uint64_t)used > cached ? (uint64_t)used - cached : 0;
        uint64_t  left = (uint64_t)limit > taken ? (uint64_t)limit - taken : 0;
        if (left < least->memory) least->memory = left;
    }
}

/*
 * The process's own group among those of a controller ("" is v2), from /proc/self/cgroup, where a
 * line is ID:CONTROLLERS:/GROUP; "" if it is unknown, or outside of what is mounted here.
 */
static void own_group(const char *root, const char *controller, char group[NM_OS_PATH])
{
    char   path[NM_OS_PATH], line[NM_OS_PATH];
    size_t n = strlen(controller);

    group[0] = '\0';
    snprintf(path, sizeof path, "%.1024s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        char *list = strchr(line, ':'), *name = list ? strchr(list + 1, ':') : NULL;
        if (!name) continue;
        *name++ = '\0', list++;
        name[strcspn(name, "\n")] = '\0';
        bool has = n == 0 && *list == '\0';
        for (char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
            has |= n > 0 && strcspn(at, ",") == n && memcmp(at, controller, n) == 0;
        if (has && !strstr(name, "/..")) snprintf(group, NM_OS_PATH, "%s", name);
    }
    if (file) fclose(file);
}

/*
 * The limits of the process's own group and of the groups around it, wherever their files usually
 * are.  In a container the group may have a name of the host's, of which only the root is mounted.
 * `root` is "" but in tests.
 */
static cgroup_limits see_groups(const char *root)
{
    static const struct {
        const char        *mounted, *controller;
        const group_files *files;
    } places[] = {{"/sys/fs/cgroup", "", &version_2},
                  {"/sys/fs/cgroup/unified", "", &version_2},
                  {"/sys/fs/cgroup/cpu", "cpu", &cpu_1},
                  {"/sys/fs/cgroup/cpu,cpuacct", "cpu", &cpu_1},
                  {"/sys/fs/cgroup/memory", "memory", &memory_1}};
    cgroup_limits least = {SIZE_MAX, UINT64_MAX};
    char          group[NM_OS_PATH], folder[NM_OS_PATH + 64];

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        own_group(root, places[i].controller, group);
        int n = snprintf(folder, sizeof folder, "%.1024s%s", root, places[i].mounted);
        snprintf(folder + n, sizeof folder - (size_t)n, "%.3000s", group);
        for (char *slash = folder; slash; slash = strrchr(folder + n, '/')) {
            if (slash > folder) *slash = '\0';
            see_group(folder, places[i].files, &least);
        }
    }
    return least;
}

/* Keeps the fastest kind: Intel's list of cores, else those of at least half the best capacity. */
static void keep_fast(const char *root, cpu_set_t *set)
{
    unsigned long capacity[CPU_SETSIZE] = {0}, best = 0;
    char          path[NM_OS_PATH], line[1024];
    cpu_set_t     fast;

    CPU_ZERO(&fast);
    snprintf(path, sizeof path, "%s/sys/devices/cpu_core/cpus", root);
    if (read_line(path, line, sizeof line)) {
        for (char *at = line; *at >= '0' && *at <= '9'; at += *at == ',') { /* "0-7,16" */
            unsigned long first = strtoul(at, &at, 10), last = first;
            if (*at == '-') last = strtoul(at + 1, &at, 10);
            for (unsigned long i = first; i <= last && i < CPU_SETSIZE; i++) CPU_SET(i, &fast);
        }
    } else {
        for (size_t i = 0; i < CPU_SETSIZE; i++) {
            if (!CPU_ISSET(i, set)) continue;
            snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%zu/cpu_capacity", root, i);
            if (!read_line(path, line, sizeof line)) return; /* one kind */
            capacity[i] = strtoul(line, NULL, 10);
            if (capacity[i] > best) best = capacity[i];
        }
        for (size_t i = 0; i < CPU_SETSIZE; i++)
            if (capacity[i] && capacity[i] >= best / 2) CPU_SET(i, &fast);
    }
    CPU_AND(&fast, &fast, set);
    if (CPU_COUNT(&fast) > 0) *set = fast;
}

#endif

size_t nm_os_processors(void)
{
    long   online = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = online > 0 ? (size_t)online : 1;

#if defined(__linux__)
    size_t    quota = see_groups("").processors;
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        keep_fast("", &set);
        n = (size_t)CPU_COUNT(&set);
    }
    if (quota < n) n = quota;
#elif defined(__APPLE__)
    int    fast = 0;
    size_t size = sizeof fast;
    if (sysctlbyname("hw.perflevel0.logicalcpu", &fast, &size, NULL, 0) == 0 && fast > 0)
        n = (size_t)fast;
#endif
    return n;
}

uint64_t nm_os_available_memory(void)
{
    uint64_t n = UINT64_MAX;

#if defined(__linux__)
    struct rlimit      space;
    FILE              *file = fopen("/proc/meminfo", "re");
    char               line[256];
    unsigned long long kib;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) n = (uint64_t)kib * 1024;
    if (file) fclose(file);
    uint64_t limit = see_groups("").memory;
    if (limit < n) n = limit;
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) { /* ulimit -v */
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        uint64_t used = (uint64_t)read_number("/proc/self", "statm", 0) * page;
        uint64_t left = space.rlim_cur > used ? space.rlim_cur - used : 0;
        if (left < n) n = left;
    }
#elif defined(__APPLE__)
    size_t size = sizeof n;
    if (sysctlbyname("hw.memsize", &n, &size, NULL, 0) != 0) n = UINT64_MAX;
#elif defined(_SC_PHYS_PAGES)
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) n = (uint64_t)pages * (uint64_t)page;
#endif
    return n;
}

void nm_os_processor_name(char *name, size_t size)
{
    struct utsname machine;

    snprintf(name, size, "%s", uname(&machine) < 0 ? "" : machine.machine);
#if defined(__linux__)
    FILE *file = fopen("/proc/cpuinfo", "re");
    char  line[256];
    while (file && fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value += 1 + strspn(value + 1, " \t");
        snprintf(name, size, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    if (file) fclose(file);
#elif defined(__APPLE__)
    sysctlbyname("machdep.cpu.brand_string", name, &size, NULL, 0);
#endif
}

/* ---- The program ----------------------------------------------------------------------------- */

/* While one of them runs, no other does. */
static void set_handler(int signal, void (*handler)(int), int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigfillset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

/*
 * A program may be started with descriptors 0 to 2 closed.  The first file it opened would then get
 * one of these numbers, and messages for stderr would be written into a model.  So each closed one
 * is opened on /dev/null in the mode in which it can't be used by mistake.
 */
void nm_os_begin(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && /* open takes the lowest free number, which is fd */
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            break;
    set_handler(SIGPIPE, SIG_IGN, 0);
#ifdef SIGXFSZ
    set_handler(SIGXFSZ, SIG_IGN, 0);
#endif
}

const char *nm_os_environment(const char *name)
{
    return getenv(name);
}

void nm_os_program_folder(const char *argv0, char folder[NM_OS_PATH])
{
#ifdef __APPLE__
    uint32_t size = NM_OS_PATH;
    bool     known = _NSGetExecutablePath(folder, &size) == 0;
#else
    ssize_t n = readlink("/proc/self/exe", folder, NM_OS_PATH - 1);
    bool    known = n > 0;
    folder[known ? n : 0] = '\0';
#endif

    if (!known)
        snprintf(folder, NM_OS_PATH, "%s", argv0 && strlen(argv0) < NM_OS_PATH ? argv0 : "");
    char *slash = strrchr(folder, '/');
    folder[slash ? slash + 1 - folder : 0] = '\0';
    if (slash) return;

    /* A name alone: the shell has found it in the first folder of $PATH that has it. */
    for (const char *at = argv0 ? getenv("PATH") : NULL; at;) {
        char   candidate[NM_OS_PATH];
        size_t length = strcspn(at, ":");
        int    n_folder = (int)(length < NM_OS_PATH ? length : NM_OS_PATH - 1);
        int    n_all = snprintf(candidate, sizeof candidate, "%.*s/%s", n_folder, at, argv0);

        if (length > 0 && n_all < NM_OS_PATH && access(candidate, X_OK) == 0) {
            snprintf(folder, NM_OS_PATH, "%.*s/", n_folder, at);
            return;
        }
        at = at[length] == ':' ? at + length + 1 : NULL;
    }
}

void nm_os_error_text(int number, char *text, size_t size)
{
#if defined(__GLIBC__) /* with _GNU_SOURCE, another function has the name */
    char buffer[256];
    snprintf(text, size, "%s", strerror_r(number, buffer, sizeof buffer));
#else
    if (strerror_r(number, text, size) != 0) snprintf(text, size, "error %d", number);
#endif
}

int nm_os_write_error(void)
{
    return errno;
}

/* nohup(1) has SIGHUP ignored: that stays. */
void nm_os_on_stop(void (*handler)(int signal))
{
    struct sigaction hangup;

    set_handler(SIGINT, handler, SA_RESTART);
    set_handler(SIGTERM, handler, SA_RESTART);
    set_handler(SIGQUIT, handler, SA_RESTART);
#ifdef SIGXCPU
    set_handler(SIGXCPU, handler, SA_RESTART); /* the soft limit of ulimit -t */
#endif
    sigaction(SIGHUP, NULL, &hangup);
    if (hangup.sa_handler != SIG_IGN) set_handler(SIGHUP, handler, SA_RESTART);
}

void nm_os_on_lost_file(void (*handler)(int signal))
{
    set_handler(SIGBUS, handler, 0);
}

/* Interrupts poll, which is all it is for. */
static void on_resize(int signal)
{
    (void)signal;
}

/* What has a handler keeps it: a sanitizer's, one for lost files. */
void nm_os_on_leave(void (*leave)(int signal), void (*back)(int signal))
{
    static const int all[] = {SIGTSTP, SIGQUIT, SIGABRT, SIGSEGV,
                              SIGILL,  SIGFPE,  SIGCONT, SIGWINCH};
    struct sigaction now;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (sigaction(all[i], NULL, &now) != 0 || now.sa_handler != SIG_DFL) continue;
        bool resumes = all[i] == SIGCONT, resizes = all[i] == SIGWINCH;
        set_handler(all[i], resumes ? back : resizes ? on_resize : leave, SA_RESTART);
    }
}

/* A handler runs with all signals blocked, so the raised one waits. */
void nm_os_leave(int signal)
{
    struct sigaction handler;
    sigset_t         set;

    sigaction(signal, NULL, &handler);
    set_handler(signal, SIG_DFL, 0);
    sigemptyset(&set);
    sigaddset(&set, signal);
    raise(signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    sigaction(signal, &handler, NULL); /* it was a stop, and is over */
}

_Noreturn void nm_os_exit_now(int code)
{
    _exit(code);
}

void nm_os_say(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

#else
typedef int nm_os_posix_is_empty; /* C forbids a file without a declaration */
#endif
