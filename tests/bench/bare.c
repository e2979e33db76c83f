/* bare: the comparator. It sends one recorded request again and again through libcurl, from as many
 * threads as hgautod has workers, and does nothing else.
 *
 *     bare URL REQUEST COUNT THREADS [CA-FILE]
 *
 * REQUEST is a file that `answers --record` wrote: the head and body of a request of hgautod's, so
 * that both programs send the same bytes. Each thread keeps one easy handle and so one connection.
 * The answers are received and dropped. Exit status 0 only if each answer was a 200. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REQUEST_MAX = 1 << 16, THREADS_MAX = 1024 };

struct load {
    const char *url;
    const char *ca;
    struct curl_slist *headers;
    const char *body;
    size_t body_size;
    atomic_long left;
    atomic_bool failed;
};

static size_t drop(char *bytes, size_t one, size_t n, void *ctx)
{
    (void)bytes;
    (void)ctx;
    return one * n;
}

static CURL *make_handle(const struct load *load)
{
    CURL *c = curl_easy_init();
    if (!c)
        return NULL;
    curl_easy_setopt(c, CURLOPT_URL, load->url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, load->headers);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)load->body_size);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, load->body);
    if (load->ca)
        curl_easy_setopt(c, CURLOPT_CAINFO, load->ca);
    return c;
}

static void *send_all(void *ctx)
{
    struct load *load = ctx;
    CURL *c = make_handle(load);
    if (!c) {
        load->failed = true;
        return NULL;
    }
    while (!load->failed && atomic_fetch_sub(&load->left, 1) > 0) {
        long status = 0;
        CURLcode result = curl_easy_perform(c);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        if (result != CURLE_OK || status != 200) {
            fprintf(stderr, "bare: %s, status %ld\n", curl_easy_strerror(result), status);
            load->failed = true;
        }
    }
    curl_easy_cleanup(c);
    return NULL;
}

/* What libcurl writes itself. */
static bool is_curls(const char *line)
{
    static const char *const names[] = {"Host:", "Content-Length:", "Connection:"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncasecmp(line, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Cuts the recorded request into header lines and the body. */
static bool take_request(struct load *load, char *text, size_t size)
{
    char *end = strstr(text, "\r\n\r\n");
    char *line = strstr(text, "\r\n");
    if (!end || !line || strncmp(text, "POST ", 5) != 0)
        return false;
    load->body = end + 4;
    load->body_size = size - (size_t)(load->body - text);
    while (line < end) {
        line += 2;
        char *next = strstr(line, "\r\n");
        *next = '\0';
        struct curl_slist *longer =
            is_curls(line) ? load->headers : curl_slist_append(load->headers, line);
        if (!longer && !is_curls(line))
            return false;
        load->headers = longer;
        line = next;
    }
    return true;
}

static bool read_request(struct load *load, const char *path, char text[REQUEST_MAX])
{
    FILE *file = fopen(path, "re");
    if (!file) {
        perror(path);
        return false;
    }
    size_t size = fread(text, 1, REQUEST_MAX - 1, file);
    fclose(file);
    text[size] = '\0';
    if (take_request(load, text, size))
        return true;
    fprintf(stderr, "bare: %s holds no POST request\n", path);
    return false;
}

static void run_threads(struct load *load, size_t count)
{
    pthread_t threads[THREADS_MAX];
    size_t made = 0;
    while (made < count && pthread_create(&threads[made], NULL, send_all, load) == 0)
        made++;
    if (made < count)
        load->failed = true;
    for (size_t i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    static char text[REQUEST_MAX];
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: bare URL REQUEST COUNT THREADS [CA-FILE]\n");
        return 2;
    }
    struct load load = {.url = argv[1], .ca = argc == 6 ? argv[5] : NULL};
    long threads = strtol(argv[4], NULL, 10);
    load.left = strtol(argv[3], NULL, 10);
    if (threads < 1 || threads > THREADS_MAX || !read_request(&load, argv[2], text))
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    run_threads(&load, (size_t)threads);
    curl_slist_free_all(load.headers);
    curl_global_cleanup();
    return load.failed ? 1 : 0;
}
