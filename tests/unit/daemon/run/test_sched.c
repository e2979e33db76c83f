/* The scheduler: order, fairness, parking, closing; and many threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "daemon/run/sched.h"

/* A clock that stands still until told. */
struct test_clock {
    struct clock clock; /* first */
    int64_t now_ms;
};

static int64_t test_mono(const struct clock *c)
{
    return ((const struct test_clock *)c)->now_ms;
}

struct fixture {
    struct test_clock clock;
    struct sched *sched;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->clock.clock.mono_ms = test_mono;
    f->clock.now_ms = 1000;
    f->sched = sched_new(&f->clock.clock);
    *state = f;
    return f->sched ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sched_free(f->sched);
    free(f);
    return 0;
}

static struct run_queue *queue_of(const struct job *job)
{
    return job->queue ? job->queue->run_queue : NULL;
}

static void control_goes_before_tasks(void **state)
{
    struct fixture *f = *state;
    struct run_queue queue = {0};
    struct account_queue account = {.run_queue = &queue};
    struct job task = {.queue = &account}, control = {0};
    sched_wake(f->sched, &task);
    sched_wake(f->sched, &control);
    assert_ptr_equal(sched_next(f->sched), &control);
    assert_ptr_equal(sched_next(f->sched), &task);
}

static void runs_and_accounts_take_turns(void **state)
{
    struct fixture *f = *state;
    struct run_queue large = {0}, small = {0};
    struct account_queue busy = {.run_queue = &large}, quiet = {.run_queue = &large},
                         other = {.run_queue = &small};
    struct job jobs[6] = {{.queue = &busy},  {.queue = &busy},  {.queue = &busy},
                          {.queue = &quiet}, {.queue = &other}, {.queue = &busy}};
    int taken[6];
    for (size_t i = 0; i < 6; i++)
        sched_wake(f->sched, &jobs[i]);
    for (size_t i = 0; i < 6; i++)
        taken[i] = (int)(sched_next(f->sched) - jobs);
    /* The small run has its turn at once, the small account of the large one soon after. */
    const int expected[6] = {0, 4, 3, 1, 2, 5};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(taken[i], expected[i]);
}

static void a_woken_job_is_queued_once(void **state)
{
    struct fixture *f = *state;
    struct job job = {0}, last = {0};
    sched_wake(f->sched, &job);
    sched_wake(f->sched, &job);
    sched_wake(f->sched, &last);
    assert_ptr_equal(sched_next(f->sched), &job);
    assert_ptr_equal(sched_next(f->sched), &last);
}

static void waking_a_running_job_runs_it_again(void **state)
{
    struct fixture *f = *state;
    struct job job = {0};
    sched_wake(f->sched, &job);
    assert_ptr_equal(sched_next(f->sched), &job);
    sched_wake(f->sched, &job);
    sched_return(f->sched, &job, NULL, job_idle());
    assert_ptr_equal(sched_next(f->sched), &job);
}

static void parked_jobs_come_in_the_order_of_their_times(void **state)
{
    struct fixture *f = *state;
    struct job jobs[20] = {{0}};
    for (size_t i = 0; i < 20; i++) {
        sched_wake(f->sched, &jobs[i]);
        struct job *job = sched_next(f->sched);
        sched_return(f->sched, job, NULL, job_again_at(2000 + (int64_t)(i * 7 % 20)));
    }
    f->clock.now_ms = 3000;
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(sched_next(f->sched)->wake_ms, 2000 + (int64_t)i);
}

static void what_was_begun_goes_before_what_was_not(void **state)
{
    struct fixture *f = *state;
    struct run_queue queue = {0};
    struct account_queue account = {.run_queue = &queue};
    struct job first = {.queue = &account}, second = {.queue = &account};
    sched_wake(f->sched, &first);
    sched_wake(f->sched, &second);
    assert_ptr_equal(sched_next(f->sched), &first);
    sched_return(f->sched, &first, &queue, job_again_at(1500));
    f->clock.now_ms = 1500;
    assert_ptr_equal(sched_next(f->sched), &first);
    assert_ptr_equal(sched_next(f->sched), &second);
}

static void closing_takes_jobs_out_and_reports_when_quiet(void **state)
{
    struct fixture *f = *state;
    struct run_queue queue = {0}, other = {0};
    struct account_queue account = {.run_queue = &queue}, other_account = {.run_queue = &other};
    struct job running = {.queue = &account}, parked = {.queue = &account},
               queued = {.queue = &account};
    struct job stays = {.queue = &other_account}, watcher = {0};
    sched_wake(f->sched, &parked);
    sched_return(f->sched, sched_next(f->sched), &queue, job_again_at(5000));
    sched_wake(f->sched, &running);
    assert_ptr_equal(sched_next(f->sched), &running);
    sched_wake(f->sched, &queued);
    sched_wake(f->sched, &stays);
    assert_false(sched_close(f->sched, &queue, &watcher));
    f->clock.now_ms = 9000;
    assert_ptr_equal(sched_next(f->sched), &stays); /* neither queued nor parked */
    sched_wake(f->sched, &queued);                  /* is not let in any more */
    sched_return(f->sched, &running, &queue, job_ready());
    assert_ptr_equal(sched_next(f->sched), &watcher);
    assert_true(sched_close(f->sched, &queue, &watcher));
    sched_return(f->sched, &stays, &other, job_gone());
}

static bool always(const struct job *job, const struct job *queued)
{
    (void)job;
    (void)queued;
    return true;
}

static size_t three(const struct job *job)
{
    (void)job;
    return 3;
}

static size_t ten(const struct job *job)
{
    (void)job;
    return 10;
}

/* Jobs go together when they want the same wake-up time: a field that is the test's own here. */
static bool same_time(const struct job *job, const struct job *queued)
{
    return job->wake_ms == queued->wake_ms;
}

static size_t others_of(const struct job *job)
{
    size_t n = 0;
    while ((job = job->next))
        n++;
    return n;
}

static void a_job_brings_a_group_as_large_as_its_queue_allows(void **state)
{
    struct fixture *f = *state;
    struct run_queue queue = {0};
    struct account_queue account = {.run_queue = &queue, .group_limit = three, .may_join = always};
    struct job jobs[5] = {{.queue = &account},
                          {.queue = &account},
                          {.queue = &account},
                          {.queue = &account},
                          {.queue = &account}};
    for (size_t i = 0; i < 5; i++)
        sched_wake(f->sched, &jobs[i]);
    const struct job *first = sched_next(f->sched);
    assert_ptr_equal(first, &jobs[0]);
    assert_int_equal(others_of(first), 2);
    assert_int_equal(queue.running, 3);
    const struct job *second = sched_next(f->sched); /* the queue is empty afterwards */
    assert_ptr_equal(second, &jobs[3]);
    assert_int_equal(others_of(second), 1);
    struct job control = {0};
    sched_wake(f->sched, &control);
    assert_ptr_equal(sched_next(f->sched), &control);
    jobs[1].next = NULL; /* given back by itself */
    sched_return(f->sched, &jobs[1], &queue, job_ready());
    assert_ptr_equal(sched_next(f->sched), &jobs[1]);
    assert_int_equal(others_of(&jobs[1]), 0);
}

static void those_that_are_not_alike_keep_their_order(void **state)
{
    struct fixture *f = *state;
    struct run_queue queue = {0};
    struct account_queue account = {.run_queue = &queue, .group_limit = ten, .may_join = same_time};
    struct job jobs[6];
    static const int kinds[6] = {1, 2, 1, 2, 3, 1};
    for (size_t i = 0; i < 6; i++) {
        jobs[i] = (struct job){.queue = &account, .wake_ms = kinds[i]};
        sched_wake(f->sched, &jobs[i]);
    }
    const struct job *job = sched_next(f->sched);
    assert_ptr_equal(job, &jobs[0]);
    assert_ptr_equal(job->next, &jobs[2]);
    assert_ptr_equal(job->next->next, &jobs[5]);
    assert_null(jobs[5].next);
    assert_int_equal(queue.running, 3);
    struct job late = {.queue = &account,
                       .wake_ms = 3}; /* the last one was taken: the queue has an end */
    sched_wake(f->sched, &late);
    job = sched_next(f->sched);
    assert_ptr_equal(job, &jobs[1]);
    assert_ptr_equal(job->next, &jobs[3]);
    job = sched_next(f->sched);
    assert_ptr_equal(job, &jobs[4]);
    assert_ptr_equal(job->next, &late);
    assert_int_equal(queue.running, 7);
}

static void a_group_is_returned_with_its_first(void **state)
{
    struct fixture *f = *state;
    struct run_queue queue = {0};
    struct account_queue account = {.run_queue = &queue, .group_limit = ten, .may_join = always};
    struct job jobs[4] = {
        {.queue = &account}, {.queue = &account}, {.queue = &account}, {.queue = &account}};
    struct job watcher = {0};
    for (size_t i = 0; i < 4; i++)
        sched_wake(f->sched, &jobs[i]);
    struct job *job = sched_next(f->sched);
    assert_int_equal(others_of(job), 3);
    job_set_answer(&jobs[1], job_ready());
    job_set_answer(&jobs[2], job_gone());
    job_set_answer(&jobs[3], job_again_at(5000));
    sched_return(f->sched, job, &queue, job_ready());
    assert_int_equal(queue.running, 0);
    job = sched_next(f->sched);
    assert_ptr_equal(job, &jobs[0]);
    assert_ptr_equal(job->next, &jobs[1]);
    assert_null(jobs[1].next);
    f->clock.now_ms = 5000;
    assert_ptr_equal(sched_next(f->sched), &jobs[3]);
    assert_false(sched_close(f->sched, &queue, &watcher));
    sched_return(f->sched, &jobs[3], &queue, job_ready());
    job_set_answer(&jobs[1], job_ready());
    sched_return(f->sched, &jobs[0], &queue, job_ready());
    assert_ptr_equal(sched_next(f->sched), &watcher);
}

static void a_paused_queue_gives_nothing_before_it_is_resumed(void **state)
{
    struct fixture *f = *state;
    struct run_queue queue = {.paused = true};
    struct account_queue account = {.run_queue = &queue};
    struct job task = {.queue = &account}, control = {0};
    sched_wake(f->sched, &task);
    sched_wake(f->sched, &control);
    assert_ptr_equal(sched_next(f->sched), &control);
    sched_return(f->sched, &control, NULL, job_ready());
    assert_ptr_equal(sched_next(f->sched), &control);
    sched_resume(f->sched, &queue);
    assert_ptr_equal(sched_next(f->sched), &task);
    sched_return(f->sched, &task, &queue, job_ready());
    sched_pause(f->sched, &queue); /* also what was queued before */
    sched_return(f->sched, &control, NULL, job_ready());
    assert_ptr_equal(sched_next(f->sched), &control);
    sched_return(f->sched, &control, NULL, job_again_at(2000));
    f->clock.now_ms = 2000;
    assert_ptr_equal(sched_next(f->sched), &control);
    sched_resume(f->sched, &queue);
    assert_ptr_equal(sched_next(f->sched), &task);
}

/* --- many threads --- */

#define THREADS 8
#define JOBS    2000
#define ROUNDS  5

struct counted {
    struct job job; /* first */
    unsigned rounds;
    struct crowd *crowd;
};

struct crowd {
    struct sched *sched;
    atomic_size_t left;
    struct counted jobs[JOBS];
    struct run_queue queues[2];
    struct account_queue accounts[4];
};

static struct job_answer count_round(struct job *job, struct http_client *http)
{
    struct counted *c = (struct counted *)job;
    (void)http;
    if (++c->rounds < ROUNDS)
        return c->rounds % 2 ? job_ready() : job_again_at(system_clock.mono_ms(&system_clock) + 1);
    if (atomic_fetch_sub(&c->crowd->left, 1) == 1)
        sched_stop(c->crowd->sched);
    return job_gone();
}

static void *work(void *arg)
{
    struct crowd *crowd = arg;
    struct job *job;
    while ((job = sched_next(crowd->sched))) {
        struct run_queue *queue = queue_of(job);
        sched_return(crowd->sched, job, queue, job->run(job, NULL));
    }
    return NULL;
}

static void every_job_is_run_to_its_end_by_many_threads(void **state)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    pthread_t threads[THREADS];
    (void)state;
    crowd->sched = sched_new(&system_clock);
    atomic_init(&crowd->left, JOBS);
    for (size_t i = 0; i < 4; i++)
        crowd->accounts[i].run_queue = &crowd->queues[i % 2];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, crowd), 0);
    for (size_t i = 0; i < JOBS; i++) {
        crowd->jobs[i].job.run = count_round;
        crowd->jobs[i].job.queue = i % 5 ? &crowd->accounts[i % 4] : NULL;
        crowd->jobs[i].crowd = crowd;
        sched_wake(crowd->sched, &crowd->jobs[i].job);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < JOBS; i++)
        assert_int_equal(crowd->jobs[i].rounds, ROUNDS);
    sched_free(crowd->sched);
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(control_goes_before_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_and_accounts_take_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_woken_job_is_queued_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waking_a_running_job_runs_it_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parked_jobs_come_in_the_order_of_their_times, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_begun_goes_before_what_was_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_takes_jobs_out_and_reports_when_quiet, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_job_brings_a_group_as_large_as_its_queue_allows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(those_that_are_not_alike_keep_their_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_group_is_returned_with_its_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_paused_queue_gives_nothing_before_it_is_resumed, set_up,
                                        tear_down),
        cmocka_unit_test(every_job_is_run_to_its_end_by_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
