/* cloudserver: plays a small AWS and a small Azure on the loopback interface, for tests with
 * faults, for measurements and for the demo.
 *
 *     cloudserver [--port N] [--quiet] [--record FILE] [--queue NAME] [--bucket NAME]
 *                 [--instance ID]...
 *
 * It prints its address, then one line per request. The bucket announces event.json objects to the
 * queue. One thread runs everything: libmicrohttpd's connections, parked long polls and scripted
 * delays. */
#include <arpa/inet.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "tests/cloud/record.h"
#include "tests/cloud/signature.h"
#include "tests/cloud/world.h"

struct server;

/* A request in progress. */
struct exchange {
    struct server *server;
    struct request request;
    struct exchange *next, *previous; /* parked ones form a ring with server->parked */
    int64_t parked_ms;                /* when it was first parked by its service; 0: never */
    int64_t wake_ms;
    bool started, begun; /* the handler has seen it; signature and faults are behind it */
    bool listens;        /* a long poll, woken when a queue changes */
    unsigned resets;     /* of the world, when it began */
    struct fault fault;  /* that hit it; its operation is "" for none */
};

struct server {
    struct world world;
    struct MHD_Daemon *http;
    struct exchange parked;
    unsigned seen_changes;
    int signals;
    FILE *record; /* NULL: requests are not recorded */
};

static int64_t server_now_ms(void)
{
    return system_clock.wall_ms(&system_clock);
}

static void server_park(struct exchange *x, int64_t wake_ms, bool listens)
{
    struct exchange *head = &x->server->parked;
    x->wake_ms = wake_ms;
    x->listens = listens;
    x->server->world.parked++;
    x->next = head;
    x->previous = head->previous;
    x->previous->next = x;
    head->previous = x;
    MHD_suspend_connection(x->request.connection);
}

static void server_unpark(struct exchange *x)
{
    x->previous->next = x->next;
    x->next->previous = x->previous;
    x->server->world.parked--;
    MHD_resume_connection(x->request.connection);
}

static int64_t server_wall_ms(const struct world *w)
{
    return system_clock.wall_ms(&system_clock) + w->clock_offset_ms;
}

static enum MHD_Result server_send_reply(const struct exchange *x, struct reply *reply)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.size, (void *)(uintptr_t)buf_str(&reply->body), MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_NO;
    if (response) {
        char date[30];
        clock_http_date(server_wall_ms(&x->server->world), date);
        MHD_add_response_header(response, "Date", date);
        if (reply->type)
            MHD_add_response_header(response, "Content-Type", reply->type);
        for (size_t i = 0; i < reply->header_count; i++)
            MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
        result = MHD_queue_response(x->request.connection, reply->status, response);
        MHD_destroy_response(response);
    }
    return result;
}

/* Checks the signature, names the operation and applies faults, before the service is called.
 * Returns false if the response is already written. */
static bool server_begin_request(struct exchange *x, struct reply *reply)
{
    struct world *w = &x->server->world;
    struct request *r = &x->request;
    x->resets = w->resets;
    snprintf(r->id, sizeof r->id, "cloudserver-%08u", ++w->requests);
    if (x->server->record && !record_request(x->server->record, r))
        fprintf(stderr, "cloudserver: a request could not be recorded\n");
    bool known = armsim_owns(r) ? armsim_check(w->arm, r, reply, server_now_ms())
                                : signature_check(r, server_wall_ms(w), reply);
    if (!known) {
        snprintf(r->operation, sizeof r->operation, "(refused)");
        return false;
    }
    world_name(r);
    const struct fault *fault = faults_hit(w->faults, r->operation);
    if (fault)
        x->fault = *fault;
    return true;
}

static void server_write_fault(const struct exchange *x, struct reply *reply)
{
    const struct fault *fault = &x->fault;
    if (*fault->html) {
        reply->status = fault->status;
        reply->type = "text/html";
        buf_adds(&reply->body, fault->html);
    } else {
        reply_error(&x->request, reply, fault->status, *fault->code ? fault->code : "InternalError",
                    *fault->message ? fault->message : "A fault that was ordered.");
    }
    if (*fault->retry_after)
        reply_header(reply, "Retry-After", fault->retry_after);
}

/* Writes bytes of an incomplete response past libmicrohttpd, which closes the connection then. */
static void server_write_raw(const struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->request.connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const char *at = x->fault.raw;
    while (info && *at) {
        ssize_t n = send(info->connect_fd, at, strlen(at), MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
    }
}

static void server_drop_connection(const struct exchange *x, struct reply *reply)
{
    if (x->fault.status) {
        buf_reset(&reply->body);
        reply_drop_headers(reply);
        server_write_fault(x, reply);
    } else {
        server_write_raw(x);
        reply->drop = true;
    }
}

/* Calls the service. Returns false if the exchange was parked. */
static bool server_call_service(struct exchange *x, struct reply *reply)
{
    int64_t park_ms = 0;
    int64_t waited_ms = x->parked_ms ? server_now_ms() - x->parked_ms : 0;
    if (world_answer(&x->server->world, &x->request, reply, server_now_ms(), waited_ms, &park_ms))
        return true;
    if (!x->parked_ms)
        x->parked_ms = server_now_ms();
    server_park(x, server_now_ms() + park_ms, true);
    return false;
}

/* Writes the response, or parks the exchange and returns false. */
static bool server_answer(struct exchange *x, struct reply *reply)
{
    const struct fault *fault = &x->fault;
    if (!x->begun) {
        x->begun = true;
        if (!server_begin_request(x, reply))
            return true;
        if (x->fault.delay_ms > 0) {
            server_park(x, server_now_ms() + x->fault.delay_ms, false);
            return false;
        }
    }
    bool lost = fault->drop || fault->status || *fault->raw;
    if ((!lost || fault->done) && !server_call_service(x, reply))
        return false;
    if (lost)
        server_drop_connection(x, reply);
    return true;
}

/* Returns true if the exchange began before the last reset: it belongs to a test that has ended. */
static bool server_was_reset(const struct exchange *x)
{
    return x->begun && x->resets != x->server->world.resets;
}

static enum MHD_Result server_respond(struct exchange *x)
{
    struct reply reply = {.body = buf_make((size_t)256 << 20)};
    enum MHD_Result result = MHD_YES;
    if (strncmp(x->request.path, "/_control/", 10) == 0) {
        control_answer(&x->server->world, &x->request, &reply);
        result = server_send_reply(x, &reply);
    } else if (server_was_reset(x)) {
        result = MHD_NO;
    } else if (server_answer(x, &reply)) {
        journal_add(x->server->world.journal, &x->request, reply.drop ? 0 : reply.status);
        result = reply.drop ? MHD_NO : server_send_reply(x, &reply);
    }
    reply_free(&reply);
    return result;
}

/* Called by libmicrohttpd after the headers, for each part of the body, and at its end. */
static enum MHD_Result server_on_request(void *ctx, struct MHD_Connection *connection,
                                         const char *path, const char *method, const char *version,
                                         const char *data, size_t *size, void **state)
{
    struct exchange *x = *state;
    (void)ctx;
    (void)path;
    (void)version;
    if (!x)
        return MHD_NO;
    if (!x->started) {
        x->started = true;
        x->request.connection = connection;
        snprintf(x->request.method, sizeof x->request.method, "%s", method);
        return MHD_YES;
    }
    if (*size > 0) {
        bool ok = buf_add(&x->request.body, data, *size);
        *size = 0;
        return ok ? MHD_YES : MHD_NO;
    }
    return server_respond(x);
}

/* Called by libmicrohttpd with the URI as it was sent, before it is decoded. The result becomes the
 * request's state. */
static void *server_open_exchange(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *x = xcalloc(1, sizeof *x);
    (void)connection;
    x->server = ctx;
    request_init(&x->request, uri);
    return x;
}

static void server_close_exchange(void *ctx, struct MHD_Connection *connection, void **state,
                                  enum MHD_RequestTerminationCode how)
{
    struct exchange *x = *state;
    (void)ctx;
    (void)connection;
    (void)how;
    if (!x)
        return;
    request_free(&x->request);
    free(x);
    *state = NULL;
}

static bool server_listen_on(struct server *s, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->http = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, server_on_request, s,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_URI_LOG_CALLBACK, server_open_exchange, s,
        MHD_OPTION_NOTIFY_COMPLETED, server_close_exchange, NULL,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_CONNECTION_LIMIT, 4096u, MHD_OPTION_END);
    if (!s->http)
        return false;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->http, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(s->world.url, sizeof s->world.url, "http://127.0.0.1:%u", (unsigned)info->port);
    return true;
}

/* Wakes exchanges that are due or from before the last reset, and all long polls if a queue has
 * changed. Returns when to call it again. */
static int64_t server_wake_due(struct server *s, int64_t at_ms)
{
    unsigned changes = sqs_changes(s->world.sqs);
    bool changed = changes != s->seen_changes;
    int64_t next_ms = at_ms + 60000;
    struct exchange *following;
    s->seen_changes = changes;
    for (struct exchange *x = s->parked.next; x != &s->parked; x = following) {
        following = x->next;
        if (x->wake_ms <= at_ms || (changed && x->listens) || server_was_reset(x)) {
            server_unpark(x);
            next_ms = at_ms;
        } else if (x->wake_ms < next_ms) {
            next_ms = x->wake_ms;
        }
    }
    return next_ms;
}

static void server_run(struct server *s)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->http, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[2] = {{.fd = s->signals, .events = POLLIN},
                            {.fd = info->epoll_fd, .events = POLLIN}};
    while (!(fds[0].revents & POLLIN)) {
        MHD_UNSIGNED_LONG_LONG http_ms;
        MHD_run(s->http);
        int64_t at_ms = server_now_ms();
        int64_t wait_ms = server_wake_due(s, at_ms) - at_ms;
        if (MHD_get_timeout(s->http, &http_ms) == MHD_YES && (int64_t)http_ms < wait_ms)
            wait_ms = (int64_t)http_ms;
        poll(fds, 2, (int)wait_ms);
    }
    while (s->parked.next != &s->parked)
        server_unpark(s->parked.next);
}

static int server_open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Reads the options; queues, buckets and instances are created in the order given. */
static bool server_read_options(struct server *s, int argc, char **argv, int *port)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},
        {"quiet", no_argument, NULL, 'q'},
        {"queue", required_argument, NULL, 'Q'},
        {"bucket", required_argument, NULL, 'B'},
        {"instance", required_argument, NULL, 'I'},
        {"record", required_argument, NULL, 'R'},
        {NULL, 0, NULL, 0},
    };
    const char *queue = NULL;
    bool ok = true;
    int c;
    while (ok && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p':
            *port = (int)strtol(optarg, NULL, 10);
            break;
        case 'q':
            journal_quiet(s->world.journal);
            break;
        case 'R':
            s->record = fopen(optarg, "ae");
            ok = s->record != NULL;
            break;
        case 'Q':
            queue = optarg;
            ok = sqs_create(s->world.sqs, queue);
            break;
        case 'B':
            ok = s3_create(s->world.s3, optarg, queue);
            break;
        case 'I':
            ok = machines_put(s->world.machines, optarg, "running", CLOUD_ACCOUNT, "us-east-1");
            break;
        default:
            return false;
        }
    }
    return ok && optind == argc;
}

int main(int argc, char **argv)
{
    struct server s = {.signals = server_open_signals()};
    int port = 0;
    int status = EXIT_FAILURE;
    s.parked.next = s.parked.previous = &s.parked;
    memory_install_hooks();
    world_init(&s.world);
    if (!server_read_options(&s, argc, argv, &port)) {
        fprintf(stderr, "usage: cloudserver [--port N] [--quiet] [--record FILE] [--queue NAME] "
                        "[--bucket NAME] [--instance ID]...\n");
        status = 2;
        goto out;
    }
    if (!server_listen_on(&s, port)) {
        fprintf(stderr, "cloudserver: cannot listen on 127.0.0.1:%d\n", port);
        goto out;
    }
    printf("cloudserver listens on %s\n", s.world.url);
    fflush(stdout);
    server_run(&s);
    MHD_stop_daemon(s.http);
    status = EXIT_SUCCESS;
out:
    if (s.record)
        fclose(s.record);
    world_free(&s.world);
    close(s.signals);
    return status;
}
