/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular files: read in parts, mapped, read whole, or written atomically, to a temporary file that
 * is renamed when it is complete.  Nothing else is opened: no directory, pipe or device.  Errors
 * name the path; reading a file into memory shows progress and can be cancelled.
 */
#ifndef NM_FILE_H
#define NM_FILE_H

#include "base/cancel.h"
#include "nomul.h"

/* A file open for reading; NM_FILE_CLOSED is one that is not. */
typedef struct nm_file {
    int      fd;
    uint64_t size;
} nm_file;

#define NM_FILE_CLOSED ((nm_file){.fd = -1})

/* True also if the system does not say: opening it then reports why. */
bool nm_file_exists(const char *path);
bool nm_file_is_directory(const char *path);
/* Do both paths name the same regular file, by links too?  An input must not be overwritten. */
bool nm_file_same(const char *path, const char *other);
/* Is the file in this folder: its name, or what the name leads to? */
bool nm_file_in_folder(const char *path, const char *folder);

/* Errors of open name the path; those of read do not, the caller adds it. */
bool nm_file_open(nm_file *file, const char *path, nomul_error *err);
/* Is the open file the one at this path, and a regular one? */
bool nm_file_is(const nm_file *file, const char *path);

bool nm_file_read(const nm_file *file, uint64_t offset, void *to, size_t n_bytes, nomul_error *err);
void nm_file_close(nm_file *file);

/* The bytes of a file, mapped read-only or read into memory; zeros when closed. */
typedef struct nm_filemap {
    const uint8_t *data;
    size_t         size;
    void          *mapped; /* one of the two owns the bytes */
    void          *read;
} nm_filemap;

/* Errors name the path.  Reading into memory is watched (NULL: by nobody). */
bool nm_filemap_open(nm_filemap *map, const char *path, bool in_memory, const nm_watched *watched,
                     nomul_error *err);
void nm_filemap_close(nm_filemap *map);

/* Who is told the temporary name of a file, and NULL when that is gone; zeros: nobody. */
typedef struct nm_watch {
    nomul_temporary tell;
    void           *context;
} nm_watch;

/*
 * A file written under a temporary name in the same directory.  Commit syncs it to disk and renames
 * it; until then the path keeps its old content, if any.  Abort removes the temporary file.  A
 * symbolic link is followed.  A folder, and a file that the user may not write, is refused.  Errors
 * name the path as the caller spelled it; after one, call abort.
 *
 * What is no regular file (a pipe, a terminal, /dev/null), and what the process has open already
 * (/dev/stdout, /dev/fd/3), is written through: at once, and without a rename, which would put
 * another file in the place of what the shell has opened.
 */
typedef struct nm_outfile {
    int      fd;
    uint64_t at; /* where the next append goes */
    bool     through;
    uint64_t base; /* of a file written through: where it began; UINT64_MAX: no rewriting */
    nm_watch watch;
    char    *path; /* real path, of which n_folder bytes precede the name */
    size_t   n_folder;
    char    *shown;     /* the path as the caller spelled it, for messages */
    char    *temporary; /* NULL once committed or aborted */
    uint8_t *buffer;    /* one block; the strings follow the buffer */
    size_t   n_buffered;
} nm_outfile;

bool nm_outfile_open(nm_outfile *out, const char *path, nm_watch watch, nomul_error *err);
/*
 * Could it be opened now?  For a check before long work; leaves nothing, and does not open what
 * would be written through: the reader of a pipe would take that for its end.
 */
bool nm_outfile_try(const char *path, nm_watch watch, nomul_error *err);
bool nm_outfile_write(nm_outfile *out, const void *data, size_t n_bytes, nomul_error *err);
/* Overwrites bytes already appended, where that is possible. */
bool nm_outfile_can_rewrite(const nm_outfile *out);
bool nm_outfile_rewrite(nm_outfile *out, uint64_t offset, const void *data, size_t n_bytes,
                        nomul_error *err);
bool nm_outfile_commit(nm_outfile *out, nomul_error *err);
void nm_outfile_abort(nm_outfile *out); /* fine after commit, and on zeros */

#endif
