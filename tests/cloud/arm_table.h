/* Declares what the files of the small Azure Resource Manager share. */
#ifndef HGAUTOD_TESTS_CLOUD_ARM_TABLE_H
#define HGAUTOD_TESTS_CLOUD_ARM_TABLE_H

#include "tests/cloud/arm.h"
#include "tests/cloud/azure_token.h"

struct armsim {
    const char *url;
    struct faults *faults;
    struct azure_tokens *tokens;
    json_t *resources;     /* {lower-case id: resource} */
    json_t *groups;        /* {"/subscriptions/s/resourcegroups/g": true} */
    json_t *subscriptions; /* {"s": true} */
    json_t *operations;    /* {id: {"kind", "target", "due", "status", "final"}} */
    json_t *settings;
    unsigned operation_count;
};

/* How the end of an operation is reported. */
enum style {
    STYLE_SYNC,     /* 200: done */
    STYLE_ASYNC,    /* 202 with Azure-AsyncOperation and Location */
    STYLE_LOCATION, /* 202 with Location, which ends in 200 */
    STYLE_LOCATION_204,
};

/* A kind of resource. */
struct armsim_type {
    const char *name; /* "Microsoft.Compute/virtualMachines" */
    enum style deletion;
    const char *holder;    /* the type whose resources may hold on to it; NULL: none */
    const char *held_code; /* what its deletion is refused with then */
    unsigned held_status;
};

/* Returns NULL if the type is unknown. type: "microsoft.compute/virtualmachines", in any case. */
const struct armsim_type *armsim_type(const char *type, size_t size);
/* Returns the type of a resource by its ID; NULL if unknown. */
const struct armsim_type *armsim_type_of(const char *id);

/* Returns a setting's number. */
int64_t armsim_number(const struct armsim *a, const char *name, int64_t otherwise);
void armsim_error(struct request *r, struct reply *reply, unsigned status, const char *code,
                  const char *format, ...) PRINTF_LIKE(5, 6);
/* Returns a resource; NULL after writing a 404. */
json_t *armsim_find(struct armsim *a, struct request *r, struct reply *reply, const char *id);

/* Starts r->operation on the target (an ID in lower case), and writes the response. */
void armsim_begin(struct armsim *a, struct request *r, struct reply *reply, const char *target,
                  enum style style, int64_t now_ms);
/* Ends every operation that is due. */
void armsim_settle(struct armsim *a, int64_t now_ms);
/* Writes the status of the operation with this ID; location: the request came by Location. */
void armsim_poll(struct armsim *a, struct request *r, struct reply *reply, const char *id,
                 bool location);

/* Handle requests for the tags of a resource. */
void armsim_tags(struct armsim *a, struct request *r, struct reply *reply, const char *id,
                 int64_t now_ms);

#endif
