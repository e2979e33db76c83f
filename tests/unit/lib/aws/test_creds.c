/* Tests of counted credentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "lib/aws/auth/creds.h"

static void test_copies_all(void **state)
{
    char secret[] = "secret";
    struct aws_creds *c = aws_creds_new("AKID", secret, "token", 42, "environment");
    (void)state;
    assert_non_null(c);
    memset(secret, 'x', sizeof secret - 1);
    assert_string_equal(c->access_key_id, "AKID");
    assert_string_equal(c->secret_access_key, "secret");
    assert_string_equal(c->session_token, "token");
    assert_int_equal(c->expires_ms, 42);
    assert_string_equal(c->source, "environment");
    aws_creds_unref(c);
}

static void test_an_empty_token_is_none(void **state)
{
    struct aws_creds *none = aws_creds_new("AKID", "s", NULL, INT64_MAX, "x");
    struct aws_creds *empty = aws_creds_new("AKID", "s", "", INT64_MAX, "x");
    (void)state;
    assert_null(none->session_token);
    assert_null(empty->session_token);
    aws_creds_unref(none);
    aws_creds_unref(empty);
}

static void test_null_is_allowed(void **state)
{
    (void)state;
    assert_null(aws_creds_ref(NULL));
    aws_creds_unref(NULL);
}

/* Takes and drops references as workers do. */
static void *use(void *creds)
{
    for (int i = 0; i < 10000; i++) {
        struct aws_creds *mine = aws_creds_ref(creds);
        if (strcmp(mine->secret_access_key, "secret") != 0)
            return NULL;
        aws_creds_unref(mine);
    }
    aws_creds_unref(creds);
    return creds;
}

static void test_threads_share_one(void **state)
{
    struct aws_creds *c = aws_creds_new("AKID", "secret", NULL, INT64_MAX, "x");
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, aws_creds_ref(c)), 0);
    for (int i = 0; i < 4; i++) {
        void *seen = NULL;
        assert_int_equal(pthread_join(threads[i], &seen), 0);
        assert_ptr_equal(seen, c);
    }
    assert_string_equal(c->secret_access_key, "secret");
    aws_creds_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_all),
        cmocka_unit_test(test_an_empty_token_is_none),
        cmocka_unit_test(test_null_is_allowed),
        cmocka_unit_test(test_threads_share_one),
    };
    return cmocka_run_group_tests_name("creds", tests, NULL, NULL);
}
