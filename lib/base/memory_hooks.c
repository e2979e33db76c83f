/* Makes the libraries allocate with the functions of memory.h. */
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <uv.h>

#include "lib/base/memory.h"

static void *memory_openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return xmalloc(size);
}

/* A size of 0 frees, which OpenSSL relies on. */
static void *memory_openssl_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size)
        return xrealloc(memory, size);
    free(memory);
    return NULL;
}

static void memory_openssl_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

void memory_install_hooks(void)
{
    json_set_alloc_funcs(xmalloc, free);
    /* Both refuse nothing but NULL or a call that comes too late. */
    if (uv_replace_allocator(xmalloc, xrealloc, xcalloc, free) != 0 ||
        CRYPTO_set_mem_functions(memory_openssl_malloc, memory_openssl_realloc,
                                 memory_openssl_free) != 1)
        abort();
}
