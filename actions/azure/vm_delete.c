/* vm_delete: deletes a virtual machine and, optionally, what is attached to it.
 *
 * What is attached is known only while the machine exists. So it is read first and stored in the
 * task's state, which is durable before the first deletion: it is still known after a crash. Each
 * deletion can be repeated, and nothing is deleted that was not found.
 *
 * A stored state is not trusted: while the machine exists, it is read again. Once it is gone, only
 * parts that are in its resource group and attached to nothing are deleted.
 *
 * The state: {"disks", "nics", "ips": IDs still to be deleted, "failed": the first failure,
 * "asked": whether the machine itself has listed them, "poll", "repeated": see call.h} */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "actions/azure/call.h"
#include "actions/azure/id.h"
#include "actions/state.h"
#include "lib/json/jpath.h"

#define VM   "Microsoft.Compute/virtualMachines"
#define DISK "Microsoft.Compute/disks"
#define NIC  "Microsoft.Network/networkInterfaces"
#define IP   "Microsoft.Network/publicIPAddresses"

/* How long attached resources may stay in use after the machine is gone: an interface is reserved
 * for three minutes after a machine that could not be created. */
#define IN_USE_LIMIT WAIT_MINUTES(5)

static const struct arm_op get_vm = {
    .provider = VM, .name = "virtualMachines/get", .method = "GET", .suffix = ""};
static const struct arm_op delete_vm = {.provider = VM,
                                        .name = "virtualMachines/delete",
                                        .method = "DELETE",
                                        .suffix = "",
                                        .changes = true};
static const struct arm_op get_disk = {
    .provider = DISK, .name = "disks/get", .method = "GET", .suffix = ""};
static const struct arm_op delete_disk = {
    .provider = DISK, .name = "disks/delete", .method = "DELETE", .suffix = "", .changes = true};
static const struct arm_op get_nic = {
    .provider = NIC, .name = "networkInterfaces/get", .method = "GET", .suffix = ""};
static const struct arm_op delete_nic = {.provider = NIC,
                                         .name = "networkInterfaces/delete",
                                         .method = "DELETE",
                                         .suffix = "",
                                         .changes = true};
static const struct arm_op get_ip = {
    .provider = IP, .name = "publicIPAddresses/get", .method = "GET", .suffix = ""};
static const struct arm_op delete_ip = {.provider = IP,
                                        .name = "publicIPAddresses/delete",
                                        .method = "DELETE",
                                        .suffix = "",
                                        .changes = true};

static bool vm_check(struct step_ctx *ctx)
{
    return az_check(ctx, VM);
}

/* --- finding what is attached --- */

/* Whether the text is the ID of a resource of the type in the machine's subscription. */
static bool vm_part_id_valid(const struct step_ctx *ctx, const char *text, const char *type)
{
    struct az_id id;
    bool ok = text && az_id_parse(text, &id);
    if (ok) {
        ok = az_id_is(&id, type) && strcasecmp(az_id_subscription(&id), ctx->account) == 0;
        az_id_free(&id);
    }
    return ok;
}

/* Appends an ID from a response if it is valid. False with ctx->err. */
static bool vm_add_part(struct step_ctx *ctx, json_t *list, const char *text, const char *type)
{
    if (!vm_part_id_valid(ctx, text, type))
        return err_set(&ctx->err, ERR_PROVIDER, "",
                       "the virtual machine has \"%.256s\" attached, which is not a %s in its "
                       "subscription; nothing was deleted",
                       text ? text : "", type);
    json_array_append_new(list, json_string(text));
    return true;
}

static bool vm_add_disk(struct step_ctx *ctx, json_t *disks, const json_t *disk)
{
    if (jget(disk, "vhd") && !jget(disk, "managedDisk"))
        return err_set(&ctx->err, ERR_PROVIDER, "",
                       "the virtual machine has an unmanaged disk (%.256s), which cannot be "
                       "deleted with it; nothing was deleted",
                       jstr(disk, "vhd.uri") ? jstr(disk, "vhd.uri") : "");
    return !jget(disk, "managedDisk") ||
           vm_add_part(ctx, disks, jstr(disk, "managedDisk.id"), DISK);
}

static bool vm_add_disks(struct step_ctx *ctx, json_t *disks, const json_t *vm)
{
    json_t *data = jlist(vm, "properties.storageProfile.dataDisks");
    bool ok = vm_add_disk(ctx, disks, jget(vm, "properties.storageProfile.osDisk"));
    for (size_t i = 0; ok && i < json_array_size(data); i++)
        ok = vm_add_disk(ctx, disks, json_array_get(data, i));
    json_decref(data);
    return ok;
}

static bool vm_add_nics(struct step_ctx *ctx, json_t *nics, const json_t *vm)
{
    json_t *all = jlist(vm, "properties.networkProfile.networkInterfaces");
    bool ok = true;
    for (size_t i = 0; ok && i < json_array_size(all); i++)
        ok = vm_add_part(ctx, nics, jstr(json_array_get(all, i), "id"), NIC);
    json_decref(all);
    return ok;
}

static bool vm_add_ips_of_nic(struct step_ctx *ctx, json_t *ips, const json_t *nic)
{
    json_t *all = jlist(nic, "properties.ipConfigurations");
    bool ok = true;
    for (size_t i = 0; ok && i < json_array_size(all); i++) {
        const json_t *ip = jget(json_array_get(all, i), "properties.publicIPAddress");
        ok = !json_is_object(ip) || vm_add_part(ctx, ips, jstr(ip, "id"), IP);
    }
    json_decref(all);
    return ok;
}

/* Appends the path of an ID that vm_add_part has accepted. False with ctx->err. */
static bool vm_part_path(struct step_ctx *ctx, const char *text, struct buf *path)
{
    struct az_id id;
    bool ok = az_id_parse(text, &id);
    if (ok) {
        ok = az_id_path(&id, path);
        az_id_free(&id);
    }
    return ok || err_set(&ctx->err, ERR_INTERNAL, "", "the task's state contains the ID \"%.256s\"",
                         text);
}

/* Adds the addresses of one interface; an interface that does not exist has none. False with
 * ctx->err. */
static bool vm_add_ips(struct step_ctx *ctx, json_t *ips, const char *nic)
{
    struct buf path = buf_make(AZ_PATH_MAX);
    json_t *response =
        vm_part_path(ctx, nic, &path) ? az_read(ctx, &get_nic, buf_str(&path)) : NULL;
    bool ok = response ? vm_add_ips_of_nic(ctx, ips, response) : az_gone(ctx);
    json_decref(response);
    buf_free(&path);
    return ok;
}

/* Everything that is attached, as stored in the state: a new object, NULL with ctx->err. */
static json_t *vm_find_parts(struct step_ctx *ctx, const json_t *vm)
{
    json_t *disks = json_array(), *nics = json_array(), *ips = json_array();
    json_t *found = json_pack("{s:o, s:o, s:o}", "disks", disks, "nics", nics, "ips", ips);
    bool ok = json_is_object(jget(vm, "properties.storageProfile")) &&
              json_is_object(jget(vm, "properties.networkProfile"));
    if (!ok)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                "%s does not list disks or network interfaces", get_vm.name);
    ok = ok && vm_add_disks(ctx, disks, vm) && vm_add_nics(ctx, nics, vm);
    for (size_t i = 0; ok && i < json_array_size(nics); i++)
        ok = vm_add_ips(ctx, ips, json_string_value(json_array_get(nics, i)));
    if (ok)
        return found;
    json_decref(found);
    return NULL;
}

static json_t *vm_read(struct step_ctx *ctx)
{
    struct buf path = buf_make(AZ_PATH_MAX);
    json_t *vm = az_path(ctx, &get_vm, &path) ? az_read(ctx, &get_vm, buf_str(&path)) : NULL;
    buf_free(&path);
    return vm;
}

static bool vm_is_deleting(const json_t *vm)
{
    const char *now = jstr(vm, "properties.provisioningState");
    return now && strcasecmp(now, "Deleting") == 0;
}

static bool vm_part_listed(const json_t *list, const json_t *id)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
        if (strcasecmp(json_string_value(one), json_string_value(id)) == 0)
            return true;
    return false;
}

/* A machine that is being deleted may not list everything any more that an earlier owner of the run
 * has found. */
static void vm_add_stored_parts(struct step_ctx *ctx, json_t *found)
{
    const char *name;
    json_t *list;
    json_object_foreach(found, name, list) {
        size_t i;
        json_t *id;
        json_array_foreach(json_object_get(ctx->state, name), i, id)
            if (!vm_part_listed(list, id))
                json_array_append(list, id);
    }
}

/* Stores what the machine lists. */
static void vm_keep_parts(struct step_ctx *ctx, json_t *found, bool leaving)
{
    bool asked = !ctx->restored || !leaving;
    /* Nothing has been deleted yet. */
    if (asked)
        json_object_del(ctx->state, "failed");
    else
        vm_add_stored_parts(ctx, found);
    if (ctx->audit)
        ctx->audit(ctx, "resources deleted with the virtual machine", found);
    json_object_update(ctx->state, found);
    step_state_set(ctx, "asked", json_boolean(asked));
}

static enum verdict vm_find(struct step_ctx *ctx)
{
    if (!param_boolean(ctx, "Delete Associated Resources"))
        return STEP_DONE;
    json_t *vm = vm_read(ctx);
    if (!vm && az_gone(ctx) && json_object_get(ctx->state, "disks"))
        return STEP_DONE;
    if (!vm)
        return az_gone(ctx) ? step_finished(ctx, "already deleted; what had been attached to it is "
                                                 "not known any more")
                            : STEP_FAILED;
    json_t *found = vm_find_parts(ctx, vm);
    if (found)
        vm_keep_parts(ctx, found, vm_is_deleting(vm));
    json_decref(vm);
    json_decref(found);
    return found ? STEP_DONE : STEP_FAILED;
}

/* --- looking at what a stored state names --- */

static bool vm_part_in_same_group(struct step_ctx *ctx, const char *text)
{
    struct az_where vm;
    struct az_id id;
    if (!az_where(ctx, &vm) || !az_id_parse(text, &id))
        return false;
    bool same = strcasecmp(az_id_group(&id), vm.group) == 0;
    az_id_free(&id);
    return same;
}

/* Whether the text is the ID of the machine itself. */
static bool vm_is_holder(struct step_ctx *ctx, const char *text)
{
    struct az_where vm;
    struct az_id id;
    if (!vm_part_id_valid(ctx, text, VM) || !az_where(ctx, &vm) || !az_id_parse(text, &id))
        return false;
    bool same =
        strcasecmp(az_id_group(&id), vm.group) == 0 && strcasecmp(az_id_name(&id), vm.name) == 0;
    az_id_free(&id);
    return same;
}

/* The resource that the part is attached to, according to its own description; NULL: none. */
static const char *vm_part_holder(const json_t *part)
{
    static const char *const places[] = {"managedBy",
                                         "managedByExtended[0]",
                                         "properties.virtualMachine.id",
                                         "properties.privateEndpoint.id",
                                         "properties.ipConfiguration.id",
                                         "properties.natGateway.id"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *id = jstr(part, places[i]);
        if (id && *id)
            return id;
    }
    return NULL;
}

/* Whether a part that only a stored state contains may be deleted. It can no longer be found out
 * whether it was the machine's; a part that is in use or in another group is rejected. False with
 * ctx->err, which is ERR_NOT_FOUND if it does not exist. */
static bool vm_part_is_detached(struct step_ctx *ctx, const struct arm_op *get, const char *text,
                                const char *path)
{
    if (!vm_part_in_same_group(ctx, text))
        return err_set(&ctx->err, ERR_PROVIDER, "",
                       "%.512s is not in the virtual machine's resource group, and the machine is "
                       "gone; it was not deleted",
                       text);
    json_t *part = az_read(ctx, get, path);
    if (!part)
        return false;
    const char *holder = vm_part_holder(part);
    bool loose = !holder || vm_is_holder(ctx, holder);
    if (!loose)
        err_set(&ctx->err, ERR_PROVIDER, "", "%.512s is attached to %.256s; it was not deleted",
                text, holder);
    json_decref(part);
    return loose;
}

/* --- deleting --- */

/* A second try after a crash finds the machine gone; the parts are still to be deleted. */
static enum verdict vm_delete(struct step_ctx *ctx)
{
    enum verdict verdict = az_act(ctx, &delete_vm);
    if (verdict != STEP_FAILED || !az_gone(ctx))
        return verdict;
    return json_object_get(ctx->state, "disks") ? STEP_DONE : step_finished(ctx, "already deleted");
}

/* Whether the deletion is rejected because the machine or the interface has not released the part
 * yet. */
static bool vm_part_in_use(const struct step_ctx *ctx)
{
    static const char *const codes[] = {"NicInUse", "NicReservedForAnotherVm",
                                        "InUseNetworkInterfaceCannotBeDeleted",
                                        "PublicIPAddressCannotBeDeleted", "PublicIPAddressInUse"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(ctx->err.code, codes[i]) == 0)
            return true;
    return ctx->err.kind == ERR_CONFLICT && strcmp(ctx->err.code, "ScopeLocked") != 0;
}

/* Stores the first failure, which is reported at the end. The other parts are deleted all the same:
 * once the machine is gone, it is no longer known that they belonged to it. */
static void vm_keep_failure(struct step_ctx *ctx)
{
    if (json_object_get(ctx->state, "failed"))
        return;
    step_state_set(ctx, "failed", step_error_pack(&ctx->err));
}

/* A kind of part: its list in the state, and its operations. */
struct vm_part_kind {
    const char *list;
    const struct arm_op *get, *delete;
};

static const struct vm_part_kind vm_disks = {"disks", &get_disk, &delete_disk};
static const struct vm_part_kind vm_nics = {"nics", &get_nic, &delete_nic};
static const struct vm_part_kind vm_ips = {"ips", &get_ip, &delete_ip};

/* Starts the deletion, or polls its operation. */
static enum verdict vm_part_delete(struct step_ctx *ctx, const struct vm_part_kind *kind,
                                   const char *text, const char *path)
{
    bool asked = !ctx->restored || step_state_flag(ctx, "asked");
    bool begun = json_object_get(ctx->state, "poll") != NULL;
    if (!asked && !begun && !vm_part_is_detached(ctx, kind->get, text, path))
        return STEP_FAILED;
    return az_long(ctx, kind->delete, path, NULL);
}

static enum verdict vm_part_delete_and_judge(struct step_ctx *ctx, const struct vm_part_kind *kind,
                                             const char *text)
{
    struct buf path = buf_make(AZ_PATH_MAX);
    enum verdict verdict = STEP_FAILED;
    if (vm_part_path(ctx, text, &path))
        verdict = vm_part_delete(ctx, kind, text, buf_str(&path));
    buf_free(&path);
    if (verdict != STEP_FAILED)
        return verdict;
    if (az_gone(ctx))
        return STEP_DONE;
    if (vm_part_in_use(ctx))
        verdict = step_retry(ctx, IN_USE_LIMIT);
    if (verdict != STEP_FAILED || err_is_retryable(&ctx->err))
        return verdict;
    vm_keep_failure(ctx);
    return STEP_DONE;
}

/* Deletes the first part of the list, then runs the step again for the next. */
static enum verdict vm_part_delete_next(struct step_ctx *ctx)
{
    const struct vm_part_kind *kind = ctx->step->with;
    json_t *ids = json_object_get(ctx->state, kind->list);
    const char *text = json_string_value(json_array_get(ids, 0));
    if (!text)
        return STEP_DONE;
    enum verdict verdict = vm_part_delete_and_judge(ctx, kind, text);
    if (verdict != STEP_DONE)
        return verdict;
    json_array_remove(ids, 0);
    return step_again(ctx, 0);
}

/* Reports the stored failure. */
static enum verdict vm_conclude(struct step_ctx *ctx)
{
    const json_t *failed = json_object_get(ctx->state, "failed");
    if (!failed)
        return STEP_DONE;
    step_error_unpack(failed, &ctx->err);
    return STEP_FAILED;
}

/* --- its state --- */

static bool vm_disk_valid(struct step_ctx *ctx, const json_t *value)
{
    return vm_part_id_valid(ctx, json_string_value(value), DISK);
}

static bool vm_nic_valid(struct step_ctx *ctx, const json_t *value)
{
    return vm_part_id_valid(ctx, json_string_value(value), NIC);
}

static bool vm_ip_valid(struct step_ctx *ctx, const json_t *value)
{
    return vm_part_id_valid(ctx, json_string_value(value), IP);
}

/* Parts are taken over only if they are to be deleted. */
static bool vm_parts_valid(struct step_ctx *ctx, const json_t *value,
                           bool (*each)(struct step_ctx *ctx, const json_t *value))
{
    return param_boolean(ctx, "Delete Associated Resources") && state_list(ctx, value, each);
}

static bool vm_disks_valid(struct step_ctx *ctx, const json_t *value)
{
    return vm_parts_valid(ctx, value, vm_disk_valid);
}

static bool vm_nics_valid(struct step_ctx *ctx, const json_t *value)
{
    return vm_parts_valid(ctx, value, vm_nic_valid);
}

static bool vm_ips_valid(struct step_ctx *ctx, const json_t *value)
{
    return vm_parts_valid(ctx, value, vm_ip_valid);
}

static bool vm_failure_valid(struct step_ctx *ctx, const json_t *value)
{
    static const char *const names[] = {"code", "message", "operation", "request_id", NULL};
    (void)ctx;
    return state_texts(value, names, sizeof ctx->err.message);
}

const struct action action_vm_delete = {
    .name = "vm_delete",
    .display_name = "Delete VM",
    .description = "Deletes the virtual machine and, optionally, its disks, network interfaces and "
                   "public IP addresses.",
    .cloud = CLOUD_AZURE,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"Virtual Machine", NULL},
    .params =
        (const struct action_param[]){
            {.name = "Delete Associated Resources",
             .type = PARAM_BOOLEAN,
             .fallback = "false",
             .help = "Also delete its disks, network interfaces and public IP addresses."},
            {0}},
    .permissions =
        (const char *const[]){"Microsoft.Compute/disks/delete", "Microsoft.Compute/disks/read",
                              "Microsoft.Compute/locations/diskOperations/read",
                              "Microsoft.Compute/locations/operations/read",
                              "Microsoft.Compute/virtualMachines/delete",
                              "Microsoft.Compute/virtualMachines/read",
                              "Microsoft.Network/locations/operationResults/read",
                              "Microsoft.Network/locations/operations/read",
                              "Microsoft.Network/networkInterfaces/delete",
                              "Microsoft.Network/networkInterfaces/read",
                              "Microsoft.Network/publicIPAddresses/delete",
                              "Microsoft.Network/publicIPAddresses/read", NULL},
    .arm_type = VM,
    .location_permissions = (const char *const[]){VM "/read", NULL},
    .check = vm_check,
    .state = (const struct action_state[]){{"disks", vm_disks_valid},
                                           {"nics", vm_nics_valid},
                                           {"ips", vm_ips_valid},
                                           {"failed", vm_failure_valid},
                                           {"asked", NULL},
                                           AZ_OPERATION_AGAIN,
                                           {0}},
    .steps =
        (const struct action_step[]){
            {.name = "find", .run = vm_find, .save = true},
            {.name = "delete-vm", .run = vm_delete},
            {.name = "delete-disks", .run = vm_part_delete_next, .with = &vm_disks},
            {.name = "delete-nics", .run = vm_part_delete_next, .with = &vm_nics},
            {.name = "delete-ips", .run = vm_part_delete_next, .with = &vm_ips},
            {.name = "conclude", .run = vm_conclude},
            {0}},
};
