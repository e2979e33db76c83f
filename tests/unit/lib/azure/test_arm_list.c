/* Tests of the lists of Azure Resource Manager: all pages as one list, up to a limit. */
#include "tests/unit/azure_world.h"

#include "lib/azure/arm_list.h"

static struct world world;
static int pages_to_give;
static int pages_given;

static void answer_page(void *ctx, const struct cloud_request *request, struct cloud_reply *reply)
{
    const struct world *w = ctx;
    (void)request;
    pages_given++;
    reply->status = 200;
    reply->headers = "Content-Type: application/json\r\n";
    if (pages_given < pages_to_give)
        snprintf(reply->body, sizeof reply->body,
                 "{\"value\":[%d],\"nextLink\":\"%s/next?page=%d\"}", pages_given, w->server.url,
                 pages_given);
    else
        snprintf(reply->body, sizeof reply->body, "{\"value\":[%d]}", pages_given);
}

static json_t *list_pages(int count, struct err *err)
{
    *err = ERR_INIT;
    pages_to_give = count;
    pages_given = 0;
    world_start(&world, answer_page);
    json_t *list = arm_list(world.azure, world.http, "things/list", "/things", "2024-01-01", err);
    world_stop(&world);
    return list;
}

static void test_a_list_has_at_most_100_pages(void **state)
{
    struct err err;
    (void)state;
    json_t *list = list_pages(ARM_LIST_PAGES, &err);
    assert_int_equal(json_array_size(list), ARM_LIST_PAGES);
    json_decref(list);
    assert_null(list_pages(ARM_LIST_PAGES + 1, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_list_has_at_most_100_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
