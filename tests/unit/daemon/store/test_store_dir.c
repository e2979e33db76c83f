/* Tests of the store below a directory: whole writes, conditions, what no key may reach. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/store/store.h"
#include "lib/base/clock.h"
#include "tests/unit/scratch_dir.h"

struct fixture {
    char root[256];
    struct store *store;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = ERR_INIT;
    scratch_make(f->root);
    f->store = store_dir_new(f->root, &err);
    *state = f;
    return f->store ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    f->store->ops->free(f->store);
    scratch_remove(f->root);
    free(f);
    return 0;
}

static bool put(struct fixture *f, const char *key, const char *text,
                enum object_condition condition, const char *etag, char new_etag[128],
                struct err *err)
{
    struct http_body body = {.data = text, .size = strlen(text)};
    *err = ERR_INIT;
    return f->store->ops->put(
        f->store, NULL,
        &(struct object_put){.key = key, .body = &body, .condition = condition, .etag = etag},
        new_etag, err);
}

static void assert_put(struct fixture *f, const char *key, const char *text)
{
    struct err err;
    if (!put(f, key, text, OBJECT_ALWAYS, NULL, NULL, &err))
        fail_msg("put %s: %s", key, err.message);
}

static void assert_text(struct fixture *f, const char *key, const char *expected)
{
    struct buf body = buf_make(1000);
    struct err err = ERR_INIT;
    if (!f->store->ops->get(f->store, NULL, key, &body, NULL, &err))
        fail_msg("get %s: %s", key, err.message);
    assert_string_equal(buf_str(&body), expected);
    buf_free(&body);
}

static enum err_kind get_kind(struct fixture *f, const char *key, size_t max)
{
    struct buf body = buf_make(max);
    struct err err = ERR_INIT;
    bool ok = f->store->ops->get(f->store, NULL, key, &body, NULL, &err);
    buf_free(&body);
    return ok ? ERR_NONE : err.kind;
}

/* Names of the files left in a folder, without those that are no objects: none may be temporary. */
static size_t files_in(struct fixture *f, const char *folder)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", f->root, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t n = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        n += entry->d_type == DT_REG;
    closedir(dir);
    return n;
}

static void test_what_is_put_is_read_again_with_its_meta(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char etag[128];
    assert_true(put(f, "a/reports/b/is_pending", "hello", OBJECT_ALWAYS, NULL, etag, &err));
    struct buf body = buf_make(5);
    struct object_meta meta;
    assert_true(f->store->ops->get(f->store, NULL, "a/reports/b/is_pending", &body, &meta, &err));
    assert_string_equal(buf_str(&body), "hello");
    assert_string_equal(meta.etag, etag);
    assert_int_equal(meta.size, 5);
    assert_true(meta.modified_ms > INT64_C(1600000000000));
    int64_t here_ms = system_clock.wall_ms(&system_clock);
    assert_in_range(meta.now_ms, meta.modified_ms, here_ms);
    assert_int_equal(files_in(f, "a/reports/b"), 1);
    buf_free(&body);
}

static void test_every_write_changes_the_etag(void **state)
{
    struct fixture *f = *state;
    char etags[200][128];
    struct err err;
    for (int i = 0; i < 200; i++) {
        assert_true(put(f, "k", "same", OBJECT_ALWAYS, NULL, etags[i], &err));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(etags[j], etags[i]);
    }
}

static void test_if_absent_writes_once(void **state)
{
    struct fixture *f = *state;
    struct err err;
    assert_true(put(f, "x/k", "first", OBJECT_IF_ABSENT, NULL, NULL, &err));
    assert_false(put(f, "x/k", "second", OBJECT_IF_ABSENT, NULL, NULL, &err));
    assert_int_equal(err.kind, ERR_PRECONDITION);
    assert_text(f, "x/k", "first");
    assert_int_equal(files_in(f, "x"), 1);
}

static void test_if_match_writes_over_what_was_read_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char first[128], second[128];
    assert_true(put(f, "k", "1", OBJECT_IF_ABSENT, NULL, first, &err));
    assert_true(put(f, "k", "2", OBJECT_IF_MATCH, first, second, &err));
    assert_false(put(f, "k", "3", OBJECT_IF_MATCH, first, NULL, &err));
    assert_int_equal(err.kind, ERR_PRECONDITION);
    assert_text(f, "k", "2");
    assert_true(f->store->ops->del(f->store, NULL, "k", NULL, &err));
    assert_false(put(f, "k", "4", OBJECT_IF_MATCH, second, NULL, &err));
    assert_int_equal(err.kind, ERR_PRECONDITION);
    assert_int_equal(get_kind(f, "k", 10), ERR_NOT_FOUND);
    assert_false(put(f, "no/such/folder", "5", OBJECT_IF_MATCH, second, NULL, &err));
    assert_int_equal(err.kind, ERR_PRECONDITION);
}

static void test_what_was_changed_is_not_deleted(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char first[128], second[128];
    assert_true(put(f, "d/k", "1", OBJECT_IF_ABSENT, NULL, first, &err));
    assert_true(put(f, "d/k", "2", OBJECT_IF_MATCH, first, second, &err));
    assert_false(f->store->ops->del(f->store, NULL, "d/k", first, &err));
    assert_int_equal(err.kind, ERR_PRECONDITION);
    assert_text(f, "d/k", "2");
    assert_true(f->store->ops->del(f->store, NULL, "d/k", second, &err));
    assert_int_equal(get_kind(f, "d/k", 10), ERR_NOT_FOUND);
    assert_true(f->store->ops->del(f->store, NULL, "d/k", second, &err));
}

static void test_a_head_says_what_a_get_says(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct object_meta head = {.size = 0}, got = {.size = 0};
    struct buf body = buf_make(10);
    char of[128] = "x";
    const struct http_body two = {.data = "{}", .size = 2};
    assert_true(f->store->ops->put(
        f->store, NULL, &(struct object_put){.key = "d/k", .body = &two, .metadata = "\"e1\""},
        NULL, &err));
    assert_true(f->store->ops->head(f->store, NULL, "d/k", &head, of, &err));
    assert_true(f->store->ops->get(f->store, NULL, "d/k", &body, &got, &err));
    buf_free(&body);
    assert_string_equal(head.etag, got.etag);
    assert_int_equal(head.size, 2);
    assert_true(head.modified_ms == got.modified_ms && head.modified_ns == got.modified_ns);
    /* As far as the file system has extended attributes. */
    assert_true(strcmp(of, "\"e1\"") == 0 || strcmp(of, "") == 0);
    assert_false(f->store->ops->head(f->store, NULL, "d/none", &head, NULL, &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void test_deleting_what_is_gone_is_success(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    assert_put(f, "d/k", "x");
    assert_true(f->store->ops->del(f->store, NULL, "d/k", NULL, &err));
    assert_true(f->store->ops->del(f->store, NULL, "d/k", NULL, &err));
    assert_true(f->store->ops->del(f->store, NULL, "never/there", NULL, &err));
    assert_int_equal(get_kind(f, "d/k", 10), ERR_NOT_FOUND);
}

static void test_a_larger_object_than_asked_for_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_put(f, "k", "123456");
    assert_int_equal(get_kind(f, "k", 5), ERR_LIMIT);
    assert_int_equal(get_kind(f, "k", 6), ERR_NONE);
}

static void test_keys_that_lead_elsewhere_are_refused(void **state)
{
    static const char *const keys[] = {
        "",    "/a", "a/",   "a//b",  "../a",     "a/../b",        "./a",
        "a/.", "..", "a\nb", "a\x7f", "\xff\xfe", ".hgautod.lock", "a/.hgautod.x.tmp"};
    struct fixture *f = *state;
    struct err err;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_false(put(f, keys[i], "x", OBJECT_ALWAYS, NULL, NULL, &err));
        assert_int_equal(err.kind, ERR_INVALID);
        assert_int_equal(get_kind(f, keys[i], 10), ERR_INVALID);
        assert_false(f->store->ops->del(f->store, NULL, keys[i], NULL, &err));
        assert_int_equal(err.kind, ERR_INVALID);
    }
    char deep[200] = "a";
    for (int i = 0; i < 64; i++)
        strcat(deep, "/a");
    assert_int_equal(get_kind(f, deep, 10), ERR_INVALID);
}

static void link_at(struct fixture *f, const char *target, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", f->root, name);
    assert_int_equal(symlink(target, path), 0);
}

static void test_symbolic_links_are_not_followed(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char outside[256];
    scratch_make(outside);
    scratch_write(outside, "secret", "secret");
    link_at(f, outside, "folder");
    char target[512];
    snprintf(target, sizeof target, "%s/secret", outside);
    link_at(f, target, "file");
    assert_int_equal(get_kind(f, "folder/secret", 10), ERR_NOT_FOUND);
    assert_int_equal(get_kind(f, "file", 10), ERR_INVALID);
    assert_false(put(f, "folder/new", "x", OBJECT_ALWAYS, NULL, NULL, &err));
    assert_true(put(f, "file", "mine", OBJECT_ALWAYS, NULL, NULL, &err));
    assert_text(f, "file", "mine");
    assert_int_equal(access(target, F_OK), 0);
    char new_file[512];
    snprintf(new_file, sizeof new_file, "%s/new", outside);
    assert_int_equal(access(new_file, F_OK), -1);
    scratch_remove(outside);
}

struct listed {
    char text[2000];
    size_t stop_after, count;
};

static bool note_key(void *ctx, const char *key, const struct object_meta *meta)
{
    struct listed *l = ctx;
    char line[600];
    snprintf(line, sizeof line, "%s %zu\n", key, meta->size);
    strncat(l->text, line, sizeof l->text - strlen(l->text) - 1);
    return ++l->count != l->stop_after;
}

static void assert_lists(struct fixture *f, const char *prefix, const char *const *lines, size_t n)
{
    struct listed l = {.count = 0};
    struct err err = ERR_INIT;
    if (!f->store->ops->list(f->store, NULL, prefix, note_key, &l, &err))
        fail_msg("list %s: %s", prefix, err.message);
    assert_int_equal(l.count, n);
    for (size_t i = 0; i < n; i++)
        if (!strstr(l.text, lines[i]))
            assert_string_equal(l.text, lines[i]);
}

static void test_a_listing_has_the_keys_below_its_prefix(void **state)
{
    struct fixture *f = *state;
    assert_put(f, "a/events/1/event.json", "1");
    assert_put(f, "a/events/2/event.json", "22");
    assert_put(f, "a/eve", "333");
    assert_put(f, "b/k", "4444");
    link_at(f, "/etc", "link");
    const char *all[] = {"a/events/1/event.json 1\n", "a/events/2/event.json 2\n", "a/eve 3\n",
                         "b/k 4\n"};
    assert_lists(f, "", all, 4);
    assert_lists(f, "a/eve", all, 3);
    assert_lists(f, "a/events/1/event.json", all, 1);
    assert_lists(f, "a/events/", all, 2);
    assert_lists(f, "b", all + 3, 1);
    assert_lists(f, "c/d/", NULL, 0);
    struct err err = ERR_INIT;
    struct listed l = {.stop_after = 2};
    assert_true(f->store->ops->list(f->store, NULL, "", note_key, &l, &err));
    assert_int_equal(l.count, 2);
    assert_false(f->store->ops->list(f->store, NULL, "../", note_key, &l, &err));
    assert_int_equal(err.kind, ERR_INVALID);
}

/* --- a stream --- */

struct stream {
    size_t at, size;
};

static size_t stream_read(void *ctx, void *to, size_t n)
{
    struct stream *s = ctx;
    if (n > s->size - s->at)
        n = s->size - s->at;
    memset(to, 'x', n);
    s->at += n;
    return n;
}

static void stream_rewind(void *ctx)
{
    ((struct stream *)ctx)->at = 0;
}

static void test_a_stream_is_written_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct stream stream = {.at = 7, .size = 200000};
    struct http_body body = {
        .size = 200000, .read = stream_read, .rewind = stream_rewind, .ctx = &stream};
    assert_true(f->store->ops->put(f->store, NULL,
                                   &(struct object_put){.key = "s/k", .body = &body}, NULL, &err));
    assert_int_equal(get_kind(f, "s/k", 200000), ERR_NONE);
    assert_int_equal(get_kind(f, "s/k", 199999), ERR_LIMIT);
    body.size = 300000; /* it promises more than it has */
    assert_false(f->store->ops->put(f->store, NULL,
                                    &(struct object_put){.key = "s/k", .body = &body}, NULL, &err));
    assert_int_equal(get_kind(f, "s/k", 199999), ERR_LIMIT);
    assert_int_equal(get_kind(f, "s/k", 200000), ERR_NONE);
    assert_int_equal(files_in(f, "s"), 1);
}

/* --- many writers --- */

#define WRITERS 4
#define ROUNDS  25

/* Counts up the number in the object, ROUNDS times, each time by a write that must win. */
static void *count_up(void *arg)
{
    struct fixture *f = arg;
    for (int won = 0; won < ROUNDS;) {
        struct buf body = buf_make(100);
        struct object_meta meta;
        struct err err = ERR_INIT;
        char text[32];
        if (f->store->ops->get(f->store, NULL, "n", &body, &meta, &err)) {
            snprintf(text, sizeof text, "%d", atoi(buf_str(&body)) + 1);
            won += put(f, "n", text, OBJECT_IF_MATCH, meta.etag, NULL, &err);
        }
        buf_free(&body);
    }
    return NULL;
}

static void test_of_many_conditional_writers_none_is_lost(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[WRITERS];
    assert_put(f, "n", "0");
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, f), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_text(f, "n", "100");
}

static void test_a_missing_directory_is_said_with_its_path(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_null(store_dir_new("/no/such/directory", &err));
    assert_int_equal(err.kind, ERR_NOT_FOUND);
    assert_string_equal(err.message,
                        "cannot open the directory /no/such/directory: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_put_is_read_again_with_its_meta, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_every_write_changes_the_etag, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_if_absent_writes_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_if_match_writes_over_what_was_read_and_nothing_else,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_changed_is_not_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_head_says_what_a_get_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deleting_what_is_gone_is_success, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_larger_object_than_asked_for_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_keys_that_lead_elsewhere_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_symbolic_links_are_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_listing_has_the_keys_below_its_prefix, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_stream_is_written_whole_or_not_at_all, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_of_many_conditional_writers_none_is_lost, set_up,
                                        tear_down),
        cmocka_unit_test(test_a_missing_directory_is_said_with_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
