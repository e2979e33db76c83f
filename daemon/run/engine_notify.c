/* What runs and tasks tell the engine, on any thread: how many of what, and that a run has ended.
 */
#include "daemon/run/run.h"

void engine_count(struct engine *engine, enum engine_counter counter, uint64_t n)
{
    atomic_fetch_add_explicit(&engine->counts[counter], n, memory_order_relaxed);
}

void engine_run_ended(struct engine *engine, struct run *run)
{
    pthread_mutex_lock(&engine->lock);
    run->next_ended = engine->ended;
    engine->ended = run;
    pthread_mutex_unlock(&engine->lock);
    uv_async_send(engine->wakeup);
}
