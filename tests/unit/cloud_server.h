/* A small HTTP server in a thread of the test that plays STS, the container endpoint, IMDS or a
 * service: a function of the test responds to each request. One request at a time, each on its own
 * connection. */
#ifndef HGAUTOD_TESTS_UNIT_CLOUD_SERVER_H
#define HGAUTOD_TESTS_UNIT_CLOUD_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"

extern char **environ;

struct cloud_request {
    char method[8];
    char target[1024];
    const char *head; /* request line and headers */
    const char *body;
};

struct cloud_reply {
    int status;          /* 0: no response, the connection is closed */
    const char *headers; /* whole lines with CRLF, "" */
    bool open_ended;     /* the response has no length */
    char body[8192];
};

typedef void (*cloud_answer_fn)(void *ctx, const struct cloud_request *request,
                                struct cloud_reply *reply);

/* The response of cloud_answer_next to all requests, and its lock: a caller without a response can
 * continue before the server's thread has left the function. */
struct cloud_next {
    pthread_mutex_t lock;
    struct cloud_reply reply;
};

static inline struct cloud_next *cloud_next_reply(void)
{
    static struct cloud_next next = {.lock = PTHREAD_MUTEX_INITIALIZER};
    return &next;
}

static inline void cloud_set_reply(int status, const char *headers, const char *body)
{
    struct cloud_next *next = cloud_next_reply();
    pthread_mutex_lock(&next->lock);
    next->reply = (struct cloud_reply){.status = status, .headers = headers};
    snprintf(next->reply.body, sizeof(next->reply.body), "%s", body);
    pthread_mutex_unlock(&next->lock);
}

static inline void cloud_answer_next(void *ctx, const struct cloud_request *request,
                                     struct cloud_reply *reply)
{
    (void)ctx, (void)request;
    struct cloud_next *next = cloud_next_reply();
    pthread_mutex_lock(&next->lock);
    *reply = next->reply;
    pthread_mutex_unlock(&next->lock);
}

struct cloud_server {
    int listener;
    int port;
    char url[64]; /* "http://127.0.0.1:1234" */
    pthread_t thread;
    cloud_answer_fn answer;
    void *ctx;
    pthread_mutex_t lock; /* of the following */
    struct buf requests;  /* "GET /path" lines */
    struct buf last;      /* head and body of the last one */
};

/* Reads the whole request. Returns false if the connection ends before. */
static inline bool cloud_read(int fd, struct buf *in)
{
    char part[4096];
    for (;;) {
        const char *end = strstr(buf_str(in), "\r\n\r\n");
        const char *length = end ? strcasestr(in->data, "\r\nContent-Length:") : NULL;
        size_t body = length && length < end ? (size_t)atol(length + 17) : 0;
        if (end && in->size >= (size_t)(end - in->data) + 4 + body)
            return true;
        ssize_t n = recv(fd, part, sizeof(part), 0);
        if (n <= 0 || !buf_add(in, part, (size_t)n))
            return false;
    }
}

static inline void cloud_send(int fd, const struct cloud_reply *reply)
{
    struct buf out = buf_make(1u << 20);
    buf_addf(&out, "HTTP/1.1 %d Status\r\n%sConnection: close\r\n", reply->status, reply->headers);
    if (!reply->open_ended)
        buf_addf(&out, "Content-Length: %zu\r\n", strlen(reply->body));
    buf_addf(&out, "\r\n%s", reply->body);
    for (size_t at = 0; at < out.size;) {
        ssize_t n = send(fd, out.data + at, out.size - at, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    buf_free(&out);
}

static inline void cloud_serve(struct cloud_server *s, int fd)
{
    struct buf in = buf_make(1u << 20);
    struct cloud_request request;
    struct cloud_reply reply = {.status = 500, .headers = ""};
    if (cloud_read(fd, &in) && sscanf(in.data, "%7s %1023s", request.method, request.target) == 2) {
        request.head = in.data;
        request.body = strstr(in.data, "\r\n\r\n") + 4;
        pthread_mutex_lock(&s->lock);
        buf_addf(&s->requests, "%s %s\n", request.method, request.target);
        buf_reset(&s->last);
        buf_adds(&s->last, in.data);
        pthread_mutex_unlock(&s->lock);
        s->answer(s->ctx, &request, &reply);
        if (reply.status)
            cloud_send(fd, &reply);
    }
    buf_free(&in);
}

static inline void *cloud_main(void *arg)
{
    struct cloud_server *s = arg;
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        cloud_serve(s, fd);
        close(fd);
    }
}

static inline void cloud_start(struct cloud_server *s, cloud_answer_fn answer, void *ctx)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    *s = (struct cloud_server){
        .answer = answer, .ctx = ctx, .requests = buf_make(1u << 20), .last = buf_make(1u << 20)};
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, size) != 0 ||
        listen(s->listener, 64) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &size) != 0)
        abort();
    s->port = ntohs(at.sin_port);
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->port);
    pthread_mutex_init(&s->lock, NULL);
    if (pthread_create(&s->thread, NULL, cloud_main, s) != 0)
        abort();
}

static inline void cloud_stop(struct cloud_server *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
    pthread_mutex_destroy(&s->lock);
    buf_free(&s->requests);
    buf_free(&s->last);
}

/* Return copies of what was received, for assertions, to be freed by the caller. */
static inline char *cloud_requests(struct cloud_server *s)
{
    pthread_mutex_lock(&s->lock);
    char *copy = strdup(buf_str(&s->requests));
    pthread_mutex_unlock(&s->lock);
    return copy;
}

static inline char *cloud_last(struct cloud_server *s)
{
    pthread_mutex_lock(&s->lock);
    char *copy = strdup(buf_str(&s->last));
    pthread_mutex_unlock(&s->lock);
    return copy;
}

/* Returns true if the last request contains the text. */
static inline bool cloud_saw(struct cloud_server *s, const char *text)
{
    char *last = cloud_last(s);
    bool saw = strstr(last, text) != NULL;
    free(last);
    return saw;
}

/* Removes every AWS_ variable and proxy from the environment, so that only the test's own remain.
 */
static inline void cloud_clean_environment(void)
{
    for (char **at = environ; *at;) {
        char name[128];
        size_t n = strcspn(*at, "=");
        if ((strncmp(*at, "AWS_", 4) == 0 || strcasestr(*at, "_proxy=")) && n < sizeof(name)) {
            memcpy(name, *at, n);
            name[n] = '\0';
            unsetenv(name);
            at = environ;
        } else {
            at++;
        }
    }
    setenv("HOME", "/nonexistent", 1);
}

#endif
