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

static struct flow *flow_of(const struct job *job)
{
    return job->lane ? job->lane->flow : NULL;
}

static void control_goes_before_tasks(void **state)
{
    struct fixture *f = *state;
    struct flow flow = {0};
    struct lane lane = {.flow = &flow};
    struct job task = {.lane = &lane}, control = {0};
    sched_wake(f->sched, &task);
    sched_wake(f->sched, &control);
    assert_ptr_equal(sched_next(f->sched), &control);
    assert_ptr_equal(sched_next(f->sched), &task);
}

static void flows_and_lanes_take_turns(void **state)
{
    struct fixture *f = *state;
    struct flow large = {0}, small = {0};
    struct lane busy = {.flow = &large}, quiet = {.flow = &large}, other = {.flow = &small};
    struct job jobs[6] = {{.lane = &busy},  {.lane = &busy},  {.lane = &busy},
                          {.lane = &quiet}, {.lane = &other}, {.lane = &busy}};
    int taken[6];
    for (size_t i = 0; i < 6; i++)
        sched_wake(f->sched, &jobs[i]);
    for (size_t i = 0; i < 6; i++)
        taken[i] = (int)(sched_next(f->sched) - jobs);
    /* The small flow has its turn at once, the quiet lane of the large one soon after. */
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
    sched_back(f->sched, &job, NULL, job_idle());
    assert_ptr_equal(sched_next(f->sched), &job);
}

static void parked_jobs_come_in_the_order_of_their_times(void **state)
{
    struct fixture *f = *state;
    struct job jobs[20] = {{0}};
    for (size_t i = 0; i < 20; i++) {
        sched_wake(f->sched, &jobs[i]);
        struct job *job = sched_next(f->sched);
        sched_back(f->sched, job, NULL, job_again_at(2000 + (int64_t)(i * 7 % 20)));
    }
    f->clock.now_ms = 3000;
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(sched_next(f->sched)->wake_ms, 2000 + (int64_t)i);
}

static void what_was_begun_goes_before_what_was_not(void **state)
{
    struct fixture *f = *state;
    struct flow flow = {0};
    struct lane lane = {.flow = &flow};
    struct job first = {.lane = &lane}, second = {.lane = &lane};
    sched_wake(f->sched, &first);
    sched_wake(f->sched, &second);
    assert_ptr_equal(sched_next(f->sched), &first);
    sched_back(f->sched, &first, &flow, job_again_at(1500));
    f->clock.now_ms = 1500;
    assert_ptr_equal(sched_next(f->sched), &first);
    assert_ptr_equal(sched_next(f->sched), &second);
}

static void closing_takes_jobs_out_and_reports_when_quiet(void **state)
{
    struct fixture *f = *state;
    struct flow flow = {0}, other = {0};
    struct lane lane = {.flow = &flow}, other_lane = {.flow = &other};
    struct job running = {.lane = &lane}, parked = {.lane = &lane}, queued = {.lane = &lane};
    struct job stays = {.lane = &other_lane}, watcher = {0};
    sched_wake(f->sched, &parked);
    sched_back(f->sched, sched_next(f->sched), &flow, job_again_at(5000));
    sched_wake(f->sched, &running);
    assert_ptr_equal(sched_next(f->sched), &running);
    sched_wake(f->sched, &queued);
    sched_wake(f->sched, &stays);
    assert_false(sched_close(f->sched, &flow, &watcher));
    f->clock.now_ms = 9000;
    assert_ptr_equal(sched_next(f->sched), &stays); /* neither queued nor parked */
    sched_wake(f->sched, &queued);                  /* is not let in any more */
    sched_back(f->sched, &running, &flow, job_ready());
    assert_ptr_equal(sched_next(f->sched), &watcher);
    assert_true(sched_close(f->sched, &flow, &watcher));
    sched_back(f->sched, &stays, &other, job_gone());
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

static size_t company(const struct job *job)
{
    size_t n = 0;
    while ((job = job->next))
        n++;
    return n;
}

static void a_job_brings_as_much_company_as_its_lane_allows(void **state)
{
    struct fixture *f = *state;
    struct flow flow = {0};
    struct lane lane = {.flow = &flow, .most = three, .alike = always};
    struct job jobs[5] = {
        {.lane = &lane}, {.lane = &lane}, {.lane = &lane}, {.lane = &lane}, {.lane = &lane}};
    for (size_t i = 0; i < 5; i++)
        sched_wake(f->sched, &jobs[i]);
    const struct job *first = sched_next(f->sched);
    assert_ptr_equal(first, &jobs[0]);
    assert_int_equal(company(first), 2);
    assert_int_equal(flow.running, 3);
    const struct job *second = sched_next(f->sched); /* the lane is empty afterwards */
    assert_ptr_equal(second, &jobs[3]);
    assert_int_equal(company(second), 1);
    struct job control = {0};
    sched_wake(f->sched, &control);
    assert_ptr_equal(sched_next(f->sched), &control);
    jobs[1].next = NULL; /* given back by itself */
    sched_back(f->sched, &jobs[1], &flow, job_ready());
    assert_ptr_equal(sched_next(f->sched), &jobs[1]);
    assert_int_equal(company(&jobs[1]), 0);
}

static void those_that_are_not_alike_keep_their_order(void **state)
{
    struct fixture *f = *state;
    struct flow flow = {0};
    struct lane lane = {.flow = &flow, .most = ten, .alike = same_time};
    struct job jobs[6];
    static const int kinds[6] = {1, 2, 1, 2, 3, 1};
    for (size_t i = 0; i < 6; i++) {
        jobs[i] = (struct job){.lane = &lane, .wake_ms = kinds[i]};
        sched_wake(f->sched, &jobs[i]);
    }
    const struct job *job = sched_next(f->sched);
    assert_ptr_equal(job, &jobs[0]);
    assert_ptr_equal(job->next, &jobs[2]);
    assert_ptr_equal(job->next->next, &jobs[5]);
    assert_null(jobs[5].next);
    assert_int_equal(flow.running, 3);
    struct job late = {.lane = &lane,
                       .wake_ms = 3}; /* the last one was taken: the queue has an end */
    sched_wake(f->sched, &late);
    job = sched_next(f->sched);
    assert_ptr_equal(job, &jobs[1]);
    assert_ptr_equal(job->next, &jobs[3]);
    job = sched_next(f->sched);
    assert_ptr_equal(job, &jobs[4]);
    assert_ptr_equal(job->next, &late);
    assert_int_equal(flow.running, 7);
}

static void company_is_given_back_with_the_first(void **state)
{
    struct fixture *f = *state;
    struct flow flow = {0};
    struct lane lane = {.flow = &flow, .most = ten, .alike = always};
    struct job jobs[4] = {{.lane = &lane}, {.lane = &lane}, {.lane = &lane}, {.lane = &lane}};
    struct job watcher = {0};
    for (size_t i = 0; i < 4; i++)
        sched_wake(f->sched, &jobs[i]);
    struct job *job = sched_next(f->sched);
    assert_int_equal(company(job), 3);
    job_set_answer(&jobs[1], job_ready());
    job_set_answer(&jobs[2], job_gone());
    job_set_answer(&jobs[3], job_again_at(5000));
    sched_back(f->sched, job, &flow, job_ready());
    assert_int_equal(flow.running, 0);
    job = sched_next(f->sched);
    assert_ptr_equal(job, &jobs[0]);
    assert_ptr_equal(job->next, &jobs[1]);
    assert_null(jobs[1].next);
    f->clock.now_ms = 5000;
    assert_ptr_equal(sched_next(f->sched), &jobs[3]);
    assert_false(sched_close(f->sched, &flow, &watcher));
    sched_back(f->sched, &jobs[3], &flow, job_ready());
    job_set_answer(&jobs[1], job_ready());
    sched_back(f->sched, &jobs[0], &flow, job_ready());
    assert_ptr_equal(sched_next(f->sched), &watcher);
}

static void a_held_flow_gives_nothing_before_it_is_opened(void **state)
{
    struct fixture *f = *state;
    struct flow flow = {.held = true};
    struct lane lane = {.flow = &flow};
    struct job task = {.lane = &lane}, control = {0};
    sched_wake(f->sched, &task);
    sched_wake(f->sched, &control);
    assert_ptr_equal(sched_next(f->sched), &control);
    sched_back(f->sched, &control, NULL, job_ready());
    assert_ptr_equal(sched_next(f->sched), &control);
    sched_open(f->sched, &flow);
    assert_ptr_equal(sched_next(f->sched), &task);
    sched_back(f->sched, &task, &flow, job_ready());
    sched_hold(f->sched, &flow); /* also what was queued before */
    sched_back(f->sched, &control, NULL, job_ready());
    assert_ptr_equal(sched_next(f->sched), &control);
    sched_back(f->sched, &control, NULL, job_again_at(2000));
    f->clock.now_ms = 2000;
    assert_ptr_equal(sched_next(f->sched), &control);
    sched_open(f->sched, &flow);
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
    struct flow flows[2];
    struct lane lanes[4];
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
        struct flow *flow = flow_of(job);
        sched_back(crowd->sched, job, flow, job->run(job, NULL));
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
        crowd->lanes[i].flow = &crowd->flows[i % 2];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, crowd), 0);
    for (size_t i = 0; i < JOBS; i++) {
        crowd->jobs[i].job.run = count_round;
        crowd->jobs[i].job.lane = i % 5 ? &crowd->lanes[i % 4] : NULL;
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
        cmocka_unit_test_setup_teardown(flows_and_lanes_take_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_woken_job_is_queued_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waking_a_running_job_runs_it_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parked_jobs_come_in_the_order_of_their_times, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_begun_goes_before_what_was_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_takes_jobs_out_and_reports_when_quiet, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_job_brings_as_much_company_as_its_lane_allows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(those_that_are_not_alike_keep_their_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(company_is_given_back_with_the_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_held_flow_gives_nothing_before_it_is_opened, set_up,
                                        tear_down),
        cmocka_unit_test(every_job_is_run_to_its_end_by_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
