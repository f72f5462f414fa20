/* SPDX-License-Identifier: Apache-2.0 */
/* Regular files: read whole or in parts, mapped, or written so that nothing is ever half there. */
#ifndef NM_FILE_H
#define NM_FILE_H

#include "nomul.h"

/* An open file to read from.  Begins as zeros with fd -1: see NM_FILE_CLOSED. */
typedef struct nm_file {
    int      fd;
    uint64_t size;
} nm_file;

#define NM_FILE_CLOSED ((nm_file){.fd = -1})

/* True also where the system won't tell: then opening it says why, and no other file is taken. */
bool nm_file_exists(const char *path);
/* Do both name one file?  What is read must not be written over. */
bool nm_file_same(const char *path, const char *other);

/* Errors of open name the path; those of read don't know it: the caller adds it. */
bool nm_file_open(nm_file *file, const char *path, nomul_error *err);
/* The same of an open one. */
bool nm_file_is(const nm_file *file, const char *path);

bool nm_file_read(const nm_file *file, uint64_t offset, void *to, size_t n_bytes, nomul_error *err);
void nm_file_close(nm_file *file);

/* A file's bytes, mapped read-only or read into memory.  Zeros are a closed one. */
typedef struct nm_filemap {
    const uint8_t *data;
    size_t         size;
    void          *mapped; /* one of these two owns the bytes */
    void          *read;
} nm_filemap;

/* Errors name the path. */
bool nm_filemap_open(nm_filemap *map, const char *path, bool in_memory, nomul_error *err);
void nm_filemap_close(nm_filemap *map);

/*
 * A file being written under a temporary name beside its own.  Commit syncs it to disk and renames
 * it; until then nothing bears the name but what was there before.  Abort removes the temporary
 * file.  A path that exists and is not a regular file is refused; a symbolic link is followed.
 * Errors name the path as the caller spelled it; after one only abort is left to do.
 */
typedef struct nm_outfile {
    int      fd;
    uint64_t at;        /* where the next append goes */
    char    *path;      /* real path */
    char    *shown;     /* the path as the caller spelled it, for messages */
    char    *temporary; /* NULL once committed or aborted */
    uint8_t *buffer;    /* the one block; the strings lie behind */
    size_t   n_buffered;
} nm_outfile;

bool nm_outfile_open(nm_outfile *out, const char *path, nomul_error *err);
/* Could it be opened now?  Asked before hours of work whose result it is to take; nothing stays. */
bool nm_outfile_try(const char *path, nomul_error *err);
bool nm_outfile_write(nm_outfile *out, const void *data, size_t n_bytes, nomul_error *err);
bool nm_outfile_zeros(nm_outfile *out, size_t n_bytes, nomul_error *err);
/* Writes over what has already been appended. */
bool nm_outfile_rewrite(nm_outfile *out, uint64_t offset, const void *data, size_t n_bytes,
                        nomul_error *err);
bool nm_outfile_commit(nm_outfile *out, nomul_error *err);
void nm_outfile_abort(nm_outfile *out); /* fine after commit, and on zeros */

#endif
