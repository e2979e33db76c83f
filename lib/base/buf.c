/* A growable byte buffer with a maximum set at birth. */
#include "lib/base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/wipe.h"

#define BUF_FIRST_ROOM 64

struct buf buf_make(size_t max)
{
    return (struct buf){.max = max};
}

struct buf buf_make_secret(size_t max)
{
    return (struct buf){.max = max, .secret = true};
}

void buf_free(struct buf *b)
{
    if (b->data && b->secret)
        wipe(b->data, b->room);
    free(b->data);
    *b = (struct buf){.max = b->max, .secret = b->secret};
}

void buf_reset(struct buf *b)
{
    if (b->data) {
        if (b->secret)
            wipe(b->data, b->room);
        b->data[0] = '\0';
    }
    b->size = 0;
    b->failed = false;
}

bool buf_fail(struct buf *b)
{
    b->failed = true;
    return false;
}

/* Moves the contents to memory of `room` bytes. */
static void buf_move(struct buf *b, size_t room)
{
    char *data;
    if (b->secret) {
        /* realloc would leave a copy behind. */
        data = xmalloc(room);
        if (b->data) {
            memcpy(data, b->data, b->size + 1);
            wipe(b->data, b->room);
            free(b->data);
        }
    } else {
        data = xrealloc(b->data, room);
    }
    b->data = data;
    b->room = room;
    b->data[b->size] = '\0';
}

bool buf_reserve(struct buf *b, size_t more)
{
    if (more > b->max - b->size || b->size + more == SIZE_MAX)
        return buf_fail(b);
    size_t need = b->size + more + 1;
    if (need <= b->room)
        return true;
    size_t room = b->room ? b->room : BUF_FIRST_ROOM;
    while (room < need)
        room = room > SIZE_MAX / 2 ? need : room * 2;
    if (b->max < SIZE_MAX && room > b->max + 1)
        room = b->max + 1;
    buf_move(b, room);
    return true;
}

bool buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (!buf_reserve(b, n))
        return false;
    if (n > 0)
        memcpy(b->data + b->size, bytes, n);
    b->size += n;
    b->data[b->size] = '\0';
    return true;
}

bool buf_adds(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}

bool buf_addc(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

bool buf_addf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = buf_vaddf(b, format, args);
    va_end(args);
    return ok;
}

bool buf_vaddf(struct buf *b, const char *format, va_list args)
{
    size_t free_bytes = b->data ? b->room - b->size : 0;
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(b->data ? b->data + b->size : NULL, free_bytes, format, args);
    bool ok = n >= 0;
    if (ok && (size_t)n >= free_bytes) {
        ok = buf_reserve(b, (size_t)n);
        if (ok)
            vsnprintf(b->data + b->size, (size_t)n + 1, format, again);
    }
    va_end(again);
    if (!ok) {
        if (b->data)
            b->data[b->size] = '\0';
        return buf_fail(b);
    }
    b->size += (size_t)n;
    return true;
}

bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

const char *buf_str(const struct buf *b)
{
    return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
    char *taken = NULL;
    if (!b->failed && buf_reserve(b, 0)) {
        taken = b->data;
        b->data = NULL;
    }
    buf_free(b);
    return taken;
}
