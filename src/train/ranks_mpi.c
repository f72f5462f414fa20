/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ranks.h over MPI's collectives (MPI 3.1, https://www.mpi-forum.org).  Only the thread that opened
 * the ranks calls them, except that any may end all ranks after a failure.  An error comes back
 * where MPI notices one; a rank that dies is usually noticed by mpirun, which ends the others.
 */
#include "train/ranks.h"

#include "base/bytes.h"
#include "base/error.h"

#include <mpi.h>

#define PATIENCE 3.0           /* seconds that a failing rank waits for the first one */
#define MOST ((size_t)1 << 28) /* elements of a call: MPI counts them in an int */

static bool check(int status, nomul_error *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int  n = 0;

    if (status == MPI_SUCCESS) return true;
    MPI_Error_string(status, text, &n);
    return nm_fail(err, NOMUL_E_IO, "MPI: %.200s: is another rank gone?", text);
}

bool nm_ranks_open(nm_ranks *ranks, nomul_error *err)
{
    int      provided, rank, n, local, n_on_machine;
    MPI_Comm machine;

    *ranks = (nm_ranks){.rank = 0, .n = 1, .local = 0, .n_on_machine = 1};
    if (!check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided), err)) return false;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank), MPI_Comm_size(MPI_COMM_WORLD, &n);
    if (!check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL,
                                   &machine),
               err))
        return false;
    MPI_Comm_rank(machine, &local), MPI_Comm_size(machine, &n_on_machine);
    MPI_Comm_free(&machine);
    ranks->rank = (size_t)rank, ranks->n = (size_t)n;
    ranks->local = (size_t)local, ranks->n_on_machine = (size_t)n_on_machine;
    return true;
}

void nm_ranks_close(const nm_ranks *ranks, int code)
{
    int is_open = 0;

    MPI_Initialized(&is_open);
    if (!is_open) return;
    if (code == 0 || ranks->n == 1)
        MPI_Finalize();
    else
        MPI_Abort(MPI_COMM_WORLD, code);
}

void nm_ranks_defer(const nm_ranks *ranks)
{
    double begin = MPI_Wtime();

    while (ranks->rank > 0 && MPI_Wtime() - begin < PATIENCE) {
    }
}

static bool reduce(const nm_ranks *ranks, void *x, size_t n, size_t size, MPI_Datatype type,
                   MPI_Op op, nomul_error *err)
{
    char *at = x;

    for (size_t k; ranks->n > 1 && n > 0; n -= k, at += k * size) {
        k = nm_smaller(n, MOST);
        if (!check(MPI_Allreduce(MPI_IN_PLACE, at, (int)k, type, op, MPI_COMM_WORLD), err))
            return false;
    }
    return true;
}

bool nm_ranks_sum(const nm_ranks *ranks, double *x, size_t n, nomul_error *err)
{
    return reduce(ranks, x, n, sizeof *x, MPI_DOUBLE, MPI_SUM, err);
}

bool nm_ranks_sum_floats(const nm_ranks *ranks, float *x, size_t n, nomul_error *err)
{
    return reduce(ranks, x, n, sizeof *x, MPI_FLOAT, MPI_SUM, err);
}

bool nm_ranks_join(const nm_ranks *ranks, void *bytes, size_t n, nomul_error *err)
{
    return reduce(ranks, bytes, n, 1, MPI_BYTE, MPI_BOR, err);
}
