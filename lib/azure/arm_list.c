/* Lists of Azure Resource Manager, page by page. */
#include "lib/azure/arm_list.h"

#include "lib/azure/arm_private.h"
#include "lib/json/jpath.h"

/* Appends the elements of a page to `all`; *url becomes that of the next page, empty after the
 * last. */
static bool list_add_page(const struct http_response *response, json_t *all, struct buf *url,
                          struct err *err)
{
    json_t *page = arm_read_object(response);
    json_t *elements = json_object_get(page, "value");
    const char *next = jstr(page, "nextLink");
    bool ok = true;
    buf_reset(url);
    if (!json_is_array(elements))
        ok = err_set(err, ERR_TRANSIENT, "UnreadableResponse", "the response is not a list");
    else if (next && !buf_adds(url, next))
        ok = err_set(err, ERR_LIMIT, "", "the URL of the list's next page is too long");
    else
        json_array_extend(all, elements);
    json_decref(page);
    return ok;
}

json_t *arm_list(struct azure *azure, struct http_client *http, const char *operation,
                 const char *path, const char *version, struct err *err)
{
    struct buf url = buf_make(ARM_URL_MAX);
    json_t *all = json_array();
    bool ok = buf_addf(&url, "%s%s?api-version=%s", azure_cloud(azure)->arm, path, version) ||
              err_set(err, ERR_INVALID, "", "the path of the list is too long");
    for (unsigned pages = 0; ok && url.size > 0; pages++) {
        if (pages == ARM_LIST_PAGES) {
            ok = err_set(err, ERR_LIMIT, "", "the list has more than %d pages", ARM_LIST_PAGES);
            break;
        }
        struct arm_request r = {.method = "GET", .url = buf_str(&url), .operation = operation};
        struct http_response response;
        ok = arm_send(azure, http, &r, &response, err);
        if (ok) {
            ok = list_add_page(&response, all, &url, err);
            http_response_free(&response);
        }
    }
    buf_free(&url);
    if (ok)
        return all;
    json_decref(all);
    return NULL;
}
