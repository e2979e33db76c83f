/* A small HTTP server in a thread of the test. Its behavior, mostly faulty, is chosen by the path
 * of the request:
 *
 *   /status/N        status N, a short body          /size/N    a body of N bytes
 *   /chunked         "one two" in two chunks         /echo      the request's body
 *   /early           103, then 200                   /headers   some headers
 *   /many-headers    300 KB of them                  /noise     not HTTP
 *   /promise/N       Content-Length N and no body    /hang      nothing, until the client closes
 *   /short           less than Content-Length        /reset     the same, and a TCP reset
 *   /drop            closes the connection unless it is its first request
 *   /cut/KIND/N      the first N bytes of server_whole's response KIND, then closes
 *   /open/N          N bytes of a body without a length, then closes */
#ifndef HGAUTOD_TESTS_UNIT_HTTP_SERVER_H
#define HGAUTOD_TESTS_UNIT_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"

enum { SERVER_CONNECTIONS_MAX = 512 };

struct http_server {
    int listener;
    int port;
    pthread_t acceptor;
    pthread_mutex_t lock; /* of the following */
    pthread_t threads[SERVER_CONNECTIONS_MAX];
    int sockets[SERVER_CONNECTIONS_MAX];
    int connections; /* accepted so far */
    int requests;
    char *last; /* the head of the last request, as it came */
};

struct server_connection {
    struct http_server *server;
    int socket;
    int served;
    struct buf in;
};

/* Reads until there are `size` bytes. Returns false if the client has closed. */
static bool server_read(struct server_connection *c, size_t size)
{
    char bytes[4096];

    while (c->in.size < size) {
        ssize_t n = recv(c->socket, bytes, sizeof bytes, 0);
        if (n <= 0 || !buf_add(&c->in, bytes, (size_t)n))
            return false;
    }
    return true;
}

static bool server_write(int socket, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t n = send(socket, at, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool server_text(int socket, const char *text)
{
    return server_write(socket, text, strlen(text));
}

static bool server_answer(int socket, int status, const char *body, size_t size)
{
    char head[128];

    snprintf(head, sizeof head, "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n\r\n", status, size);
    return server_text(socket, head) && server_write(socket, body, size);
}

static bool server_filler(int socket, bool is_head, size_t size)
{
    char *body = malloc(size + 1);
    char head[128];

    memset(body, 'x', size);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    bool ok = server_text(socket, head) && (is_head || server_write(socket, body, size));
    free(body);
    return ok;
}

static bool server_many_headers(int socket)
{
    char line[1024] = "X-Filler: ";
    bool ok = server_text(socket, "HTTP/1.1 200 OK\r\n");

    memset(line + 10, 'x', 1000);
    strcpy(line + 1010, "\r\n");
    for (int i = 0; ok && i < 300; i++)
        ok = server_text(socket, line);
    return ok && server_text(socket, "Content-Length: 0\r\n\r\n");
}

/* Resets the connection. */
static bool server_reset(int socket)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return false;
}

/* Returns a complete response, of which /cut sends a part; NULL if there is none of that kind. */
static const char *server_whole(const char *kind)
{
    static const struct {
        const char *kind, *answer;
    } all[] = {
        {"length", "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 4\r\n\r\nbody"},
        {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "4\r\nbody\r\n0\r\n\r\n"},
        {"interim", "HTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n"
                    "Content-Length: 4\r\n\r\nbody"},
        {"bodiless", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"},
        {"refusal", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nbody"},
        {"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
                     "4\r\nbody\r\n0\r\nHTTP/1.1 500 X: z\r\nX: z\r\n\r\n"},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].kind, kind) == 0)
            return all[i].answer;
    return NULL;
}

static bool server_cut(int socket, const char *path)
{
    char kind[32];
    size_t size;

    if (sscanf(path, "/cut/%31[^/]/%zu", kind, &size) == 2 && server_whole(kind))
        server_write(socket, server_whole(kind), size);
    return false;
}

/* Sends a body that ends with the connection. */
static bool server_open_ended(int socket, size_t size)
{
    server_text(socket, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    server_write(socket, "abcdefghijklmnopqrstuvwxyz", size);
    return false;
}

/* Responds to one request. Returns false to close the connection. */
static bool server_serve(struct server_connection *c, const char *path, bool is_head,
                         const char *body, size_t body_size)
{
    static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome";
    int s = c->socket;
    char text[256];

    if (strncmp(path, "/status/", 8) == 0)
        return server_answer(s, atoi(path + 8), "text", 4);
    if (strncmp(path, "/size/", 6) == 0)
        return server_filler(s, is_head, (size_t)atol(path + 6));
    if (strncmp(path, "/promise/", 9) == 0) {
        snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\nx",
                 atol(path + 9));
        return server_text(s, text) && server_read(c, c->in.size + 1);
    }
    if (strcmp(path, "/chunked") == 0)
        return server_text(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
    if (strcmp(path, "/echo") == 0)
        return server_answer(s, 200, body, body_size);
    if (strcmp(path, "/early") == 0)
        return server_text(s, "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n"
                              "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    if (strcmp(path, "/headers") == 0)
        return server_text(s, "HTTP/1.1 200 OK\r\nX-One: first\r\nx-one: second\r\n"
                              "X-Blank:   \t \r\nX-Trim: \t a b \t\r\nContent-Length: 0\r\n\r\n");
    if (strcmp(path, "/many-headers") == 0)
        return server_many_headers(s);
    if (strcmp(path, "/short") == 0)
        return server_text(s, cut) && false;
    if (strcmp(path, "/reset") == 0)
        return server_text(s, cut) && server_reset(s);
    if (strcmp(path, "/drop") == 0)
        return c->served == 1 && server_answer(s, 200, "text", 4);
    if (strncmp(path, "/cut/", 5) == 0)
        return server_cut(s, path);
    if (strncmp(path, "/open/", 6) == 0)
        return server_open_ended(s, (size_t)atol(path + 6));
    if (strcmp(path, "/hang") == 0)
        return server_read(c, c->in.size + 1);
    return server_text(s, "this is no HTTP\r\n\r\n") && false;
}

static void server_remember(struct http_server *server, const char *head, size_t size)
{
    pthread_mutex_lock(&server->lock);
    free(server->last);
    server->last = strndup(head, size);
    server->requests++;
    pthread_mutex_unlock(&server->lock);
}

/* Reads one request and responds. */
static bool server_request(struct server_connection *c)
{
    char method[16];
    char path[256];

    buf_reset(&c->in);
    while (!strstr(buf_str(&c->in), "\r\n\r\n")) {
        if (!server_read(c, c->in.size + 1))
            return false;
        if (c->in.data[0] == 0x16) /* a TLS handshake */
            return server_text(c->socket, "this is no TLS\r\n") && false;
    }

    size_t head = (size_t)(strstr(c->in.data, "\r\n\r\n") - c->in.data) + 4;
    const char *length = strcasestr(c->in.data, "\r\nContent-Length:");
    size_t body = length ? (size_t)atol(length + 17) : 0;
    if (sscanf(c->in.data, "%15s %255s", method, path) != 2)
        return false;
    server_remember(c->server, c->in.data, head);
    if (strcmp(method, "CONNECT") == 0)
        return server_answer(c->socket, 403, "", 0);
    if (!server_read(c, head + body))
        return false;
    c->served++;

    /* A proxy receives the path with its server. */
    const char *local = strncmp(path, "http://", 7) == 0 ? strchr(path + 7, '/') : path;
    return server_serve(c, local, strcmp(method, "HEAD") == 0, c->in.data + head, body);
}

static void *server_connection_main(void *arg)
{
    struct server_connection *c = arg;

    while (server_request(c))
        continue;
    pthread_mutex_lock(&c->server->lock);
    for (int i = 0; i < c->server->connections; i++)
        if (c->server->sockets[i] == c->socket)
            c->server->sockets[i] = -1;
    close(c->socket);
    pthread_mutex_unlock(&c->server->lock);
    buf_free(&c->in);
    free(c);
    return NULL;
}

static void *server_main(void *arg)
{
    struct http_server *server = arg;

    for (;;) {
        int socket = accept(server->listener, NULL, NULL);
        if (socket < 0)
            return NULL;

        int on = 1; /* otherwise each response in two parts takes 40 ms */
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct server_connection *c = calloc(1, sizeof *c);
        *c = (struct server_connection){server, socket, 0, buf_make(64u << 20)};
        pthread_mutex_lock(&server->lock);
        if (server->connections == SERVER_CONNECTIONS_MAX)
            abort();
        server->sockets[server->connections] = socket;
        if (pthread_create(&server->threads[server->connections], NULL, server_connection_main,
                           c) != 0)
            abort();
        server->connections++;
        pthread_mutex_unlock(&server->lock);
    }
}

/* Returns a listening socket on a free port of this host. */
static int server_listen(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 64) != 0 || getsockname(listener, (struct sockaddr *)&at, &size) != 0)
        abort();
    *port = ntohs(at.sin_port);
    return listener;
}

static struct http_server *server_start(void)
{
    struct http_server *server = calloc(1, sizeof *server);

    server->listener = server_listen(&server->port);
    pthread_mutex_init(&server->lock, NULL);
    if (pthread_create(&server->acceptor, NULL, server_main, server) != 0)
        abort();
    return server;
}

/* Closes all connections, waits for their threads, and frees the server. */
static void server_stop(struct http_server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    close(server->listener);
    pthread_mutex_lock(&server->lock);
    for (int i = 0; i < server->connections; i++)
        if (server->sockets[i] >= 0)
            shutdown(server->sockets[i], SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    for (int i = 0; i < server->connections; i++)
        pthread_join(server->threads[i], NULL);
    pthread_mutex_destroy(&server->lock);
    free(server->last);
    free(server);
}

static int server_connections(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    int n = server->connections;
    pthread_mutex_unlock(&server->lock);
    return n;
}

/* Returns true if the head of the last request contains the text. */
static bool server_saw(struct http_server *server, const char *text)
{
    pthread_mutex_lock(&server->lock);
    bool saw = server->last && strstr(server->last, text);
    pthread_mutex_unlock(&server->lock);
    return saw;
}

#endif
