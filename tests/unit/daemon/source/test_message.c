/* Tests of queue messages under way: when each step is due, and what each answer leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/config/config.h"
#include "daemon/source/message.h"
#include "daemon/store/store.h"

#define VISIBILITY 30000

static void settle(struct delivery *d, enum settle how, int64_t delay_ms, const char *why)
{
    (void)d, (void)how, (void)delay_ms, (void)why;
    fail();
}

static struct store some_store;
static const struct run_rules some_rules;

/* A message received at 1000 with n events. */
static struct message *make(int n)
{
    struct message *m = message_new(NULL, "id", "receipt", 1000, VISIBILITY);
    for (int i = 0; i < n; i++) {
        char key[] = "?/event.json"; /* gone when the message still needs it */
        key[0] = i ? 'b' : 'a';
        const struct delivery announced = {
            .store = &some_store, .rules = &some_rules, .key = key, .settle = settle};
        message_add(m, &announced);
    }
    return m;
}

static void assert_next(const struct message *m, int64_t now, enum message_step step, int64_t due)
{
    int64_t found;
    assert_int_equal(message_next_step(m, now, &found), step);
    assert_int_equal(found, due);
}

static void test_deliveries_carry_what_was_announced_and_the_id(void **state)
{
    (void)state;
    struct message *m = make(2);
    struct delivery *d = message_delivery(m, 1);
    assert_ptr_equal(d->store, &some_store);
    assert_ptr_equal(d->rules, &some_rules);
    assert_true(d->settle == settle);
    assert_string_equal(d->key, "b/event.json");
    assert_string_equal(d->id, "id");
    assert_ptr_equal(message_of_delivery(d), m);
    message_free(m);
}

static void test_without_events_it_is_deleted_at_once(void **state)
{
    (void)state;
    struct message *m = make(0);
    assert_next(m, 1000, MESSAGE_DELETE, INT64_MAX);
    message_free(m);
}

static void test_it_is_extended_at_half_its_visibility(void **state)
{
    (void)state;
    struct message *m = make(1);
    assert_next(m, 1000, MESSAGE_WAIT, 16000);
    assert_next(m, 16000, MESSAGE_EXTEND, INT64_MAX);
    message_step_sent(m, 16000);
    assert_next(m, 17000, MESSAGE_WAIT, INT64_MAX);
    assert_false(message_step_done(m, MESSAGE_EXTEND, MESSAGE_OK, 0, 17000));
    assert_next(m, 17000, MESSAGE_WAIT, 31000);
    message_free(m);
}

static void test_a_failed_extension_is_tried_again_after_the_pause(void **state)
{
    (void)state;
    struct message *m = make(1);
    message_step_sent(m, 16000);
    assert_false(message_step_done(m, MESSAGE_EXTEND, MESSAGE_LATER, 700, 17000));
    assert_next(m, 17000, MESSAGE_WAIT, 17700);
    assert_next(m, 17700, MESSAGE_EXTEND, INT64_MAX);
    message_free(m);
}

static void test_a_gone_message_is_extended_no_more_but_deleted_in_the_end(void **state)
{
    (void)state;
    struct message *m = make(1);
    message_step_sent(m, 16000);
    assert_false(message_step_done(m, MESSAGE_EXTEND, MESSAGE_GONE, 0, 17000));
    assert_next(m, 90000, MESSAGE_WAIT, INT64_MAX);
    message_settle(message_delivery(m, 0), SETTLE_DONE, 0, 90000);
    assert_next(m, 90000, MESSAGE_DELETE, INT64_MAX);
    message_free(m);
}

static void test_it_is_deleted_only_when_all_events_are_done(void **state)
{
    (void)state;
    struct message *m = make(2);
    message_settle(message_delivery(m, 0), SETTLE_DONE, 0, 2000);
    assert_next(m, 2000, MESSAGE_WAIT, 16000);
    message_settle(message_delivery(m, 1), SETTLE_DONE, 0, 3000);
    assert_next(m, 3000, MESSAGE_DELETE, INT64_MAX);
    message_step_sent(m, 3000);
    assert_false(message_step_done(m, MESSAGE_DELETE, MESSAGE_OK, 0, 3100));
    assert_next(m, 3100, MESSAGE_FINISHED, INT64_MAX);
    message_free(m);
}

static void test_one_released_event_releases_it_after_the_longest_delay(void **state)
{
    (void)state;
    struct message *m = make(2);
    message_settle(message_delivery(m, 1), SETTLE_RELEASE, 5000, 2000);
    message_settle(message_delivery(m, 0), SETTLE_RELEASE, 2000, 2500);
    assert_next(m, 2500, MESSAGE_RELEASE, INT64_MAX);
    assert_int_equal(m->delay_ms, 5000);
    message_free(m);
}

/* An event that another daemon works on: it is handed over again, and the queue is not told. */
static void test_a_held_delivery_is_handed_over_again(void **state)
{
    (void)state;
    struct message *m = make(2);
    int64_t due = INT64_MAX;
    message_hold(message_delivery(m, 1), 5000);
    message_settle(message_delivery(m, 0), SETTLE_DONE, 0, 2000);
    assert_null(message_take_held(m, 4999, &due));
    assert_int_equal(due, 5000);
    assert_next(m, 16000, MESSAGE_EXTEND, INT64_MAX);
    assert_ptr_equal(message_take_held(m, 5000, &due), message_delivery(m, 1));
    assert_null(message_take_held(m, 99000, &due));
    message_settle(message_delivery(m, 1), SETTLE_DONE, 0, 6000);
    assert_next(m, 6000, MESSAGE_DELETE, INT64_MAX);
    message_free(m);
}

static void test_held_deliveries_are_released_at_the_end(void **state)
{
    (void)state;
    struct message *m = make(2);
    message_hold(message_delivery(m, 0), 5000);
    message_settle(message_delivery(m, 1), SETTLE_DONE, 0, 2000);
    message_release_held(m, 3000);
    assert_next(m, 3000, MESSAGE_RELEASE, INT64_MAX);
    assert_int_equal(m->delay_ms, 0);
    message_free(m);
}

static void test_what_failed_is_set_aside_when_its_text_was_kept(void **state)
{
    (void)state;
    struct message *m = make(2);
    message_set_aside_if_failed(m, "text and more", 4);
    message_settle(message_delivery(m, 0), SETTLE_FAILED, 60000, 2000);
    assert_next(m, 2000, MESSAGE_WAIT, 16000);
    message_settle(message_delivery(m, 1), SETTLE_DONE, 0, 3000);
    assert_next(m, 3000, MESSAGE_SET_ASIDE, INT64_MAX);
    assert_string_equal(m->poison_text, "text");
    message_step_sent(m, 3000);
    assert_false(message_step_done(m, MESSAGE_SET_ASIDE, MESSAGE_OK, 0, 3100));
    assert_next(m, 3100, MESSAGE_DELETE, INT64_MAX);
    message_free(m);
    m = make(1);
    message_settle(message_delivery(m, 0), SETTLE_FAILED, 60000, 2000);
    assert_next(m, 2000, MESSAGE_RELEASE, INT64_MAX);
    message_free(m);
    m = make(1);
    message_set_aside_if_failed(m, "text", 4);
    message_settle(message_delivery(m, 0), SETTLE_RELEASE, 60000, 2000);
    assert_next(m, 2000, MESSAGE_RELEASE, INT64_MAX);
    message_free(m);
}

static void test_settling_during_an_extension_waits_for_its_answer(void **state)
{
    (void)state;
    struct message *m = make(1);
    message_step_sent(m, 16000);
    message_settle(message_delivery(m, 0), SETTLE_DONE, 0, 16100);
    assert_next(m, 16100, MESSAGE_WAIT, INT64_MAX);
    assert_false(message_step_done(m, MESSAGE_EXTEND, MESSAGE_OK, 0, 16200));
    assert_next(m, 16200, MESSAGE_DELETE, INT64_MAX);
    message_free(m);
}

static void test_a_deletion_is_given_up_when_the_queue_shows_it_again_anyway(void **state)
{
    (void)state;
    struct message *m = make(1);
    message_settle(message_delivery(m, 0), SETTLE_DONE, 0, 2000);
    message_step_sent(m, 2000);
    assert_false(message_step_done(m, MESSAGE_DELETE, MESSAGE_LATER, 1000, 2100));
    assert_next(m, 2100, MESSAGE_WAIT, 3100);
    message_step_sent(m, 3100);
    assert_true(message_step_done(m, MESSAGE_DELETE, MESSAGE_LATER, 60000, 3200));
    assert_next(m, 3200, MESSAGE_FINISHED, INT64_MAX);
    message_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deliveries_carry_what_was_announced_and_the_id),
        cmocka_unit_test(test_without_events_it_is_deleted_at_once),
        cmocka_unit_test(test_it_is_extended_at_half_its_visibility),
        cmocka_unit_test(test_a_failed_extension_is_tried_again_after_the_pause),
        cmocka_unit_test(test_a_gone_message_is_extended_no_more_but_deleted_in_the_end),
        cmocka_unit_test(test_it_is_deleted_only_when_all_events_are_done),
        cmocka_unit_test(test_one_released_event_releases_it_after_the_longest_delay),
        cmocka_unit_test(test_a_held_delivery_is_handed_over_again),
        cmocka_unit_test(test_held_deliveries_are_released_at_the_end),
        cmocka_unit_test(test_what_failed_is_set_aside_when_its_text_was_kept),
        cmocka_unit_test(test_settling_during_an_extension_waits_for_its_answer),
        cmocka_unit_test(test_a_deletion_is_given_up_when_the_queue_shows_it_again_anyway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
