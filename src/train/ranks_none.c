/* SPDX-License-Identifier: Apache-2.0 */
/* ranks.h in a build without MPI=1: one process, whose sums are what it has. */
#include "train/ranks.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* What mpirun and other launchers set to the number of processes: each would train for itself. */
static const char *const launchers[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};

bool nm_ranks_open(nm_ranks *ranks, nomul_error *err)
{
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        const char *n = getenv(launchers[i]);
        if (n && strcmp(n, "1") != 0)
            return nm_fail(
                err, NOMUL_E_UNSUPPORTED,
                "started as one of %.8s processes, but this build has no MPI: make train "
                "MPI=1",
                n);
    }
    *ranks = (nm_ranks){.rank = 0, .n = 1, .local = 0, .n_on_machine = 1};
    return true;
}

void nm_ranks_close(const nm_ranks *ranks, int code)
{
    (void)ranks, (void)code;
}

void nm_ranks_defer(const nm_ranks *ranks)
{
    (void)ranks;
}

bool nm_ranks_sum(const nm_ranks *ranks, double *x, size_t n, nomul_error *err)
{
    (void)ranks, (void)x, (void)n, (void)err;
    return true;
}

bool nm_ranks_sum_floats(const nm_ranks *ranks, float *x, size_t n, nomul_error *err)
{
    (void)ranks, (void)x, (void)n, (void)err;
    return true;
}

bool nm_ranks_join(const nm_ranks *ranks, void *bytes, size_t n, nomul_error *err)
{
    (void)ranks, (void)bytes, (void)n, (void)err;
    return true;
}
