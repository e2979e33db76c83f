/* answers: a server that gives fixed answers after a fixed time, for measuring what waits.
 *
 *     answers RULES [RECORD-DIRECTORY]
 *
 * nginx gives fixed answers at once; this one also holds them back, and tells when it was asked.
 * RULES has a line for each kind of request, six fields with a TAB between:
 *
 *     NAME  MATCH  TIMES  STATUS  DELAY-MS  FILE
 *
 * The first line holds for a request whose MATCH occurs in the request's head or body (an empty one
 * always does), TIMES times at most (0: always). The answer is STATUS with the bytes of FILE. What
 * stands in it between {each NAME} and {end} is repeated for each form field NAME1, NAME2 ... of
 * the request, with the field's value in place of {value}. With a directory, the first request of
 * each name is written there. GET /_counts answers for each name how often it was asked, how many
 * items its answers had (one without {each} has one), and when first asked and answered, in seconds
 * of CLOCK_MONOTONIC. It prints its port and serves on the loopback until it is killed. One thread,
 * epoll. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"

enum {
    RULES_MAX = 32,
    REQUEST_MAX = 1 << 24,
    ANSWER_MAX = 1 << 20,
    PIECE = 16384,
    EVENTS = 64,
    CONNECTIONS_MAX = 4096 /* numbers of file descriptors */
};

struct connection;

struct rule {
    char name[64], match[128];
    uint64_t times;
    int status;
    int64_t delay_ns;
    struct buf answer; /* head and body; with items: the body of none, and its head is made anew */
    struct buf item;   /* what is repeated; empty: nothing is */
    size_t item_at;    /* where in the body */
    char each[64];     /* the fields that it is repeated for */
    uint64_t count, items;
    int64_t asked_ns, answered_ns;      /* the first one; 0: none yet */
    struct connection *oldest, *newest; /* whose answer is held back; all for the same time */
};

struct connection {
    int fd;
    struct buf in;
    size_t request_size; /* 0: the request is not complete */
    struct rule *rule;   /* that is held back; NULL: none */
    int64_t due_ns;
    struct connection *next; /* in the rule's queue */
};

struct server {
    int listener, epoll;
    const char *record; /* NULL: do not */
    struct rule rules[RULES_MAX];
    size_t rule_count;
    struct connection *connections[CONNECTIONS_MAX]; /* by descriptor */
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- rules --- */

static bool read_file(const char *path, struct buf *to)
{
    char piece[PIECE];
    size_t n;
    FILE *file = fopen(path, "re");
    if (!file) {
        perror(path);
        return false;
    }
    while ((n = fread(piece, 1, sizeof piece, file)) > 0 && buf_add(to, piece, n)) {
    }
    fclose(file);
    return buf_ok(to);
}

static bool add_answer(struct buf *to, int status, const struct buf *body)
{
    return buf_addf(to,
                    "HTTP/1.1 %d Fixed\r\nContent-Type: text/xml\r\nETag: \"fixed\"\r\n"
                    "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nx-amzn-RequestId: "
                    "fixed\r\nContent-Length: %zu\r\n\r\n",
                    status, body->size) &&
           buf_add(to, buf_str(body), body->size);
}

/* Takes the item out of the body, if there is one. */
static bool split_off_item(struct rule *rule, struct buf *body)
{
    static const char begin[] = "{each ", end[] = "{end}";
    char *at = body->size ? strstr(body->data, begin) : NULL, *close = at ? strchr(at, '}') : NULL;
    char *last = close ? strstr(close, end) : NULL;
    if (!last)
        return true;
    const char *name = at + strlen(begin), *rest = last + strlen(end);
    snprintf(rule->each, sizeof rule->each, "%.*s", (int)(close - name), name);
    rule->item = buf_make(ANSWER_MAX);
    rule->item_at = (size_t)(at - body->data);
    bool ok = buf_add(&rule->item, close + 1, (size_t)(last - close - 1));
    memmove(at, rest, strlen(rest) + 1);
    body->size = strlen(body->data);
    return ok;
}

/* The whole answer, made once. */
static bool make_answer(struct rule *rule, const char *path)
{
    struct buf body = buf_make(ANSWER_MAX);
    rule->answer = buf_make(2 * ANSWER_MAX);
    bool ok = read_file(path, &body) && split_off_item(rule, &body);
    ok = ok && (rule->item.size ? buf_add(&rule->answer, buf_str(&body), body.size)
                                : add_answer(&rule->answer, rule->status, &body));
    buf_free(&body);
    return ok;
}

/* Cuts the next field off a line; "" at its end. */
static const char *field(char **line)
{
    const char *text = strsep(line, "\t\n");
    return text ? text : "";
}

static bool read_rules(struct server *s, const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    if (!file) {
        perror(path);
        return false;
    }
    bool ok = true;
    while (ok && s->rule_count < RULES_MAX && fgets(line, sizeof line, file)) {
        char *at = line;
        struct rule *rule = &s->rules[s->rule_count++];
        snprintf(rule->name, sizeof rule->name, "%s", field(&at));
        snprintf(rule->match, sizeof rule->match, "%s", field(&at));
        rule->times = strtoull(field(&at), NULL, 10);
        rule->status = (int)strtol(field(&at), NULL, 10);
        rule->delay_ns = (int64_t)strtoll(field(&at), NULL, 10) * 1000000;
        ok = make_answer(rule, field(&at));
    }
    fclose(file);
    return ok;
}

static struct rule *find_rule(struct server *s, const struct connection *c)
{
    for (size_t i = 0; i < s->rule_count; i++) {
        struct rule *rule = &s->rules[i];
        if ((rule->times == 0 || rule->count < rule->times) &&
            memmem(c->in.data, c->request_size, rule->match, strlen(rule->match)))
            return rule;
    }
    return NULL;
}

/* --- connections --- */

/* One whose answer is held back is dropped when that cannot be sent. */
static void drop(struct server *s, struct connection *c)
{
    if (c->rule)
        return;
    s->connections[c->fd] = NULL;
    close(c->fd);
    buf_free(&c->in);
    free(c);
}

static bool send_bytes(const struct connection *c, const struct buf *bytes)
{
    return send(c->fd, bytes->data, bytes->size, MSG_NOSIGNAL) == (ssize_t)bytes->size;
}

/* Forgets the request that was answered. */
static void consume(struct connection *c)
{
    memmove(c->in.data, c->in.data + c->request_size, c->in.size - c->request_size);
    c->in.size -= c->request_size;
    c->in.data[c->in.size] = '\0';
    c->request_size = 0;
}

/* Is a whole request there? False for one that this server does not understand. */
static bool find_end(struct connection *c)
{
    static const char length_name[] = "\r\nContent-Length:";
    const char *text = buf_str(&c->in);
    const char *end = strstr(text, "\r\n\r\n");
    if (!end)
        return true;
    const char *length = strcasestr(text, length_name);
    size_t body = length && length < end ? strtoul(length + strlen(length_name), NULL, 10) : 0;
    size_t whole = (size_t)(end - text) + 4 + body;
    if (whole > REQUEST_MAX)
        return false;
    if (whole <= c->in.size)
        c->request_size = whole;
    return true;
}

static void record(const struct server *s, const struct rule *rule, const struct connection *c)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", s->record, rule->name);
    FILE *file = fopen(path, "we");
    if (!file || fwrite(c->in.data, 1, c->request_size, file) != c->request_size)
        perror(path);
    if (file)
        fclose(file);
}

static bool send_counts(const struct server *s, const struct connection *c)
{
    struct buf body = buf_make(ANSWER_MAX);
    struct buf answer = buf_make(2 * ANSWER_MAX);
    buf_addc(&body, '{');
    for (size_t i = 0; i < s->rule_count; i++) {
        const struct rule *r = &s->rules[i];
        buf_addf(&body,
                 "%s\"%s\": {\"count\": %" PRIu64 ", \"items\": %" PRIu64
                 ", \"asked\": %.6f, \"answered\": %.6f}",
                 i ? ", " : "", r->name, r->count, r->items, (double)r->asked_ns / 1e9,
                 (double)r->answered_ns / 1e9);
    }
    buf_addc(&body, '}');
    buf_addf(&answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", body.size,
             buf_str(&body));
    bool ok = buf_ok(&answer) && send_bytes(c, &answer);
    buf_free(&body);
    buf_free(&answer);
    return ok;
}

/* Appends the item for each of the request's fields, in the order in which they stand there. */
static void add_items(const struct connection *c, struct rule *rule, struct buf *body)
{
    static const char mark[] = "{value}";
    const char *end = c->in.data + c->request_size;
    const char *value_at = strstr(buf_str(&rule->item), mark);
    size_t before = value_at ? (size_t)(value_at - rule->item.data) : rule->item.size;
    size_t after = value_at ? before + strlen(mark) : before;
    size_t n = strlen(rule->each);
    const char *at = c->in.data;
    while ((at = memmem(at, (size_t)(end - at), rule->each, n))) {
        const char *value = at + n;
        bool begins = at[-1] == '&' || at[-1] == '\n';
        while (value < end && *value >= '0' && *value <= '9')
            value++;
        at += n;
        if (!begins || value == at || value == end || *value++ != '=')
            continue;
        const char *stop = memchr(value, '&', (size_t)(end - value));
        buf_add(body, rule->item.data, before);
        buf_add(body, value, (size_t)((stop ? stop : end) - value));
        buf_add(body, rule->item.data + after, rule->item.size - after);
        rule->items++;
    }
}

static bool send_items(struct connection *c, struct rule *rule)
{
    struct buf body = buf_make(2 * ANSWER_MAX), answer = buf_make(4 * ANSWER_MAX);
    buf_add(&body, rule->answer.data, rule->item_at);
    add_items(c, rule, &body);
    buf_add(&body, rule->answer.data + rule->item_at, rule->answer.size - rule->item_at);
    consume(c);
    bool ok = buf_ok(&body) && add_answer(&answer, rule->status, &body) && send_bytes(c, &answer);
    buf_free(&body);
    buf_free(&answer);
    return ok;
}

static bool send_answer(struct connection *c, struct rule *rule)
{
    if (!rule->answered_ns)
        rule->answered_ns = now_ns();
    if (rule->item.size)
        return send_items(c, rule);
    rule->items++;
    consume(c);
    return send_bytes(c, &rule->answer);
}

static void hold_back(struct connection *c, struct rule *rule, int64_t due_ns)
{
    c->rule = rule;
    c->due_ns = due_ns;
    c->next = NULL;
    *(rule->newest ? &rule->newest->next : &rule->oldest) = c;
    rule->newest = c;
}

/* Answers a whole request, or puts its answer off. False: the connection is of no more use. */
static bool answer(struct server *s, struct connection *c)
{
    int64_t now = now_ns();
    if (strncmp(buf_str(&c->in), "GET /_counts", 12) == 0) {
        consume(c);
        return send_counts(s, c);
    }
    struct rule *rule = find_rule(s, c);
    if (!rule) {
        fprintf(stderr, "answers: no rule for %.200s\n", buf_str(&c->in));
        return false;
    }
    if (rule->count++ == 0) {
        rule->asked_ns = now;
        if (s->record)
            record(s, rule, c);
    }
    if (rule->delay_ns == 0)
        return send_answer(c, rule);
    hold_back(c, rule, now + rule->delay_ns);
    return true;
}

/* Takes in what has come, and answers a request that is whole. */
static bool receive(struct server *s, struct connection *c)
{
    char piece[PIECE];
    ssize_t n = recv(c->fd, piece, sizeof piece, 0);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    return buf_add(&c->in, piece, (size_t)n) && find_end(c) &&
           (!c->request_size || c->rule || answer(s, c));
}

static void welcome(struct server *s)
{
    int one = 1;
    int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    struct connection *c = fd < CONNECTIONS_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(c);
        close(fd);
        return;
    }
    c->fd = fd;
    c->in = buf_make(REQUEST_MAX + PIECE);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    s->connections[fd] = c;
}

/* --- the loop --- */

/* Sends what is due. Returns when the next is, 0 for nothing held back. */
static int64_t send_due(struct server *s)
{
    int64_t next = 0;
    for (size_t i = 0; i < s->rule_count; i++) {
        struct rule *rule = &s->rules[i];
        struct connection *c;
        while ((c = rule->oldest) && c->due_ns <= now_ns()) {
            rule->oldest = c->next;
            if (!rule->oldest)
                rule->newest = NULL;
            c->rule = NULL;
            if (!send_answer(c, rule))
                drop(s, c);
        }
        if (c && (!next || c->due_ns < next))
            next = c->due_ns;
    }
    return next;
}

/* Whoever hangs up while held back stays in its queue, and no longer in epoll. */
static void serve(struct server *s, struct connection *c)
{
    if (receive(s, c))
        return;
    epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
    drop(s, c);
}

static void loop(struct server *s)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int64_t next = send_due(s);
        int64_t pause = next ? next - now_ns() : 0;
        if (pause < 0)
            pause = 0;
        struct timespec wait = {.tv_sec = pause / 1000000000, .tv_nsec = pause % 1000000000};
        int n = epoll_pwait2(s->epoll, events, EVENTS, next ? &wait : NULL, NULL);
        for (int i = 0; i < n; i++)
            if (events[i].data.fd == s->listener)
                welcome(s);
            else
                serve(s, s->connections[events[i].data.fd]);
    }
}

static bool listen_on_loopback(struct server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = s->listener};
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->listener < 0 || s->epoll < 0 ||
        bind(s->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(s->listener, SOMAXCONN) != 0 ||
        epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &event) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&address, &size) != 0) {
        perror("answers");
        return false;
    }
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    static struct server server;
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: answers RULES [RECORD-DIRECTORY]\n");
        return 2;
    }
    server.record = argc == 3 ? argv[2] : NULL;
    if (!read_rules(&server, argv[1]) || !listen_on_loopback(&server))
        return 1;
    loop(&server);
}
