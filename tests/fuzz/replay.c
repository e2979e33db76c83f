/* Runs a fuzz target on files, or all files of folders, in a build without libFuzzer.
 *
 * `make fuzz` replays the corpora. To find new inputs, build a target with clang (libclang-rt-dev),
 * outside the tree:
 *
 *   make BUILD=/tmp/fuzz CC=clang SANITIZE=address,undefined \
 *        CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' LDFLAGS=-fsanitize=fuzzer-no-link fuzz
 *   clang -fsanitize=fuzzer,address,undefined -o /tmp/fuzz/fuzz_scan \
 *         /tmp/fuzz/address-undefined/tests/fuzz/fuzz_scan.o \
 *         /tmp/fuzz/address-undefined/{daemon,actions,lib}.a LIBRARIES
 *   /tmp/fuzz/fuzz_scan -max_total_time=60 /tmp/new tests/fuzz/corpus/fuzz_scan
 *
 * Minimize an input that fails (-minimize_crash=1), fix the fault, and keep the input in the corpus
 * under a name that describes it. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/target.h"

#define INPUT_MAX ((long)16 << 20)

/* Allocates exactly as many bytes as the input has, so that a sanitizer sees any read beyond. */
static bool run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return false;
    }
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    bool ok = size >= 0 && size <= INPUT_MAX && fseek(file, 0, SEEK_SET) == 0;
    uint8_t *bytes = ok ? malloc(size > 0 ? (size_t)size : 1) : NULL;
    ok = bytes && fread(bytes, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    if (ok)
        LLVMFuzzerTestOneInput(bytes, (size_t)size);
    else
        fprintf(stderr, "%s: cannot be read\n", path);
    free(bytes);
    return ok;
}

static bool run_folder(const char *path, size_t *count)
{
    DIR *folder = opendir(path);
    if (!folder) {
        perror(path);
        return false;
    }
    bool ok = true;
    struct dirent *entry;
    while (ok && (entry = readdir(folder))) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        ok = run_file(name);
        ++*count;
    }
    closedir(folder);
    return ok;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    bool ok = true;
    for (int i = 1; ok && i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            ok = run_folder(argv[i], &count);
        } else {
            ok = run_file(argv[i]);
            count++;
        }
    }
    if (count == 0)
        fprintf(stderr, "%s: no input; name files or folders\n", argv[0]);
    return ok && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
