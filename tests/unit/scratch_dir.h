/* A directory for one test, which is removed with its contents. */
#ifndef HGAUTOD_TESTS_SCRATCH_DIR_H
#define HGAUTOD_TESTS_SCRATCH_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
                                     struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* Makes a new one below TMPDIR or /tmp; `path` becomes its path. */
static inline void scratch_make(char path[256])
{
    const char *base = getenv("TMPDIR");
    snprintf(path, 256, "%s/hgautod-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(path))
        abort();
}

static inline void scratch_remove(const char *path)
{
    nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes a folder and its parents below the scratch directory. */
static inline void scratch_mkdir(const char *root, const char *relative)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", root, relative);
    for (char *at = path + strlen(root) + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char was = *at;
        *at = '\0';
        mkdir(path, 0777);
        *at = was;
        if (!was)
            return;
    }
}

/* Writes a file, making its folder if necessary. */
static inline void scratch_write(const char *root, const char *relative, const char *text)
{
    char path[1024];
    snprintf(path, sizeof path, "%s", relative);
    char *slash = strrchr(path, '/');
    if (slash) {
        *slash = '\0';
        scratch_mkdir(root, path);
    }
    snprintf(path, sizeof path, "%s/%s", root, relative);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        abort();
}

#endif
