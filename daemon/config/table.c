/* The table of settings: every key of the configuration, its type and limits, its default and its
 * documentation. */
#include "daemon/config/table.h"

#include <stdio.h>
#include <string.h>

#include "lib/aws/names.h"
#include "lib/azure/arm.h"
#include "lib/azure/names.h"
#include "lib/net/uri.h"

/* In milliseconds. */
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* Source types, for `types` and `needed`. */
#define TYPE(t)     (1u << (t))
#define SQS         TYPE(SOURCE_SQS)
#define S3          TYPE(SOURCE_S3)
#define AZURE_QUEUE TYPE(SOURCE_AZURE_QUEUE)
#define AZURE_BLOB  TYPE(SOURCE_AZURE_BLOB)
#define DIRECTORY   TYPE(SOURCE_DIRECTORY)
#define AZURE       (AZURE_QUEUE | AZURE_BLOB)
#define EVERY_TYPE  (SQS | S3 | AZURE | DIRECTORY)

/* The section, key and field of a row. */
#define PLACE(section_, type, key_, field)                                                         \
    .section = (section_), .key = #key_, .at = offsetof(type, field)
#define IN_DAEMON(key) PLACE(SECTION_DAEMON, struct config, key, daemon.key)
#define IN_LOG(key)    PLACE(SECTION_LOG, struct config, key, log.key)
#define IN_HTTP(key)   PLACE(SECTION_HTTP, struct config, key, http.key)
#define IN_GUARD(key)  PLACE(SECTION_GUARD, struct config, key, guard.key)
#define IN_AWS(key)    PLACE(SECTION_AWS, struct config, key, aws.key)
#define IN_AZURE(key)  PLACE(SECTION_AZURE, struct config, key, azure.key)
#define IN_SOURCE(key) PLACE(SECTION_SOURCE, struct config_source, key, key)
#define RULE(key)      PLACE(SECTION_SOURCE, struct config_source, key, rules.key)

/* A row by the kind of its value; what follows the fixed arguments are further members. */
#define TEXT(place, check_, ...)                                                                   \
    {                                                                                              \
        place, .kind = VALUE_STRING, .check = check_, __VA_ARGS__                                  \
    }
#define PATH(place, ...)                                                                           \
    {                                                                                              \
        place, .kind = VALUE_PATH, __VA_ARGS__                                                     \
    }
#define SECRET(place, ...)                                                                         \
    {                                                                                              \
        place, .kind = VALUE_SECRET, __VA_ARGS__                                                   \
    }
#define SECRET_FILE(place, of, ...)                                                                \
    {                                                                                              \
        place, .kind = VALUE_FILE, .secret_at = of, __VA_ARGS__                                    \
    }
#define CHOICE(place, names_, ...)                                                                 \
    {                                                                                              \
        place, .kind = VALUE_CHOICE, .names = names_, __VA_ARGS__                                  \
    }
#define BOOL(place, ...)                                                                           \
    {                                                                                              \
        place, .kind = VALUE_BOOL, __VA_ARGS__                                                     \
    }
#define LIST(place, check_, ...)                                                                   \
    {                                                                                              \
        place, .kind = VALUE_LIST, .check = check_, __VA_ARGS__                                    \
    }
#define ENUM(place, names_, first, ...)                                                            \
    {                                                                                              \
        place, .kind = VALUE_ENUM, .names = names_, .min = first, __VA_ARGS__                      \
    }
#define NUMBER(place, low, high, ...)                                                              \
    {                                                                                              \
        place, .kind = VALUE_NUMBER, .min = low, .max = high, __VA_ARGS__                          \
    }
#define DURATION(place, low, high, ...)                                                            \
    {                                                                                              \
        place, .kind = VALUE_DURATION, .min = low, .max = high, __VA_ARGS__                        \
    }

/* --- what strings must look like: NULL, or the predicate of a sentence about the text --- */

#define LOWER   "abcdefghijklmnopqrstuvwxyz"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"
#define ALNUM   LETTERS DIGITS

static bool text_is_of(const char *text, size_t min, size_t max, const char *characters)
{
    size_t n = strlen(text);
    return n >= min && n <= max && strspn(text, characters) == n;
}

static const char *name_problem(const char *text)
{
    return text_is_of(text, 1, 54, ALNUM "+=,.@_-")
               ? NULL
               : "is not valid: use 1 to 54 of the characters A-Z a-z 0-9 + = , . @ _ -";
}

/* The characters of path and query are checked where requests are sent. */
static const char *plain_url_problem(const char *text)
{
    struct uri_parts parts;
    if (strchr(text, '@'))
        return "must not contain user information ('@')";
    return !uri_split(text, &parts) && !strpbrk(text, " \t\"<>\\^`{|}")
               ? NULL
               : "is not a valid URL: use https:// or http:// and a host, then a port and a path "
                 "if "
                 "needed";
}

static const char *claim_key_problem(const char *text)
{
    return strlen(text) >= 16 ? NULL : "is shorter than 16 bytes";
}

static const char *proxy_problem(const char *text)
{
    static const char *const schemes[] = {"http://",    "https://",  "socks4://",
                                          "socks4a://", "socks5://", "socks5h://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0 && text[strlen(schemes[i])] &&
            !strpbrk(text, " \t"))
            return NULL;
    return "is not the URL of a proxy: use http://, https://, socks4://, socks4a://, socks5:// or "
           "socks5h:// and a host";
}

static const char *action_problem(const char *text)
{
    return text_is_of(text, 1, 64, LOWER DIGITS "_")
               ? NULL
               : "is not the name of an action, for example ec2_stop_instance";
}

static const char *tenant_problem(const char *text)
{
    return !azure_guid_problem(text) || (text_is_of(text, 3, 253, ALNUM ".-") && strchr(text, '.'))
               ? NULL
               : "is neither a tenant ID (a GUID) nor a domain such as example.onmicrosoft.com";
}

/* A region of AWS ("eu-west-1") or Azure ("westeurope"). */
static const char *any_region_problem(const char *text)
{
    return text_is_of(text, 2, 32, LOWER DIGITS "-") && strspn(text, LOWER) > 0
               ? NULL
               : "is not a region as the cloud's API names it, for example eu-west-1 or westeurope";
}

static const char *tag_problem(const char *text)
{
    size_t key = strcspn(text, "=");
    return key >= 1 && key <= 512 ? NULL : "is neither a tag's key nor key=value";
}

static const char *role_problem(const char *text)
{
    static const char *const known[] = {"{partition}", "{account}", "{name}"};
    if (strncmp(text, "arn:", 4) != 0 || !strstr(text, ":role/") || strlen(text) > 1024)
        return "is not the ARN of a role: use arn:{partition}:iam::{account}:role/NAME";
    for (const char *p = strpbrk(text, "{}"); p; p = strpbrk(p, "{}")) {
        size_t i = 0;
        while (i < 3 && strncmp(p, known[i], strlen(known[i])) != 0)
            i++;
        if (i == 3)
            return "contains a placeholder other than {partition}, {account} and {name}";
        p += strlen(known[i]);
    }
    return strstr(text, "{account}")
               ? NULL
               : "does not contain {account}, so that all accounts would have the same role";
}

static const char *external_id_problem(const char *text)
{
    return text_is_of(text, 2, 1224, ALNUM "_+=,.@:/-")
               ? NULL
               : "is not valid: use 2 to 1224 of the characters A-Z a-z 0-9 _ + = , . @ : / -";
}

static const char *host_suffix_problem(const char *text)
{
    return text_is_of(text, 3, 253, ALNUM ".-:") && text[0] != '.'
               ? NULL
               : "is not a host name without the account, for example core.windows.net";
}

#define NAMED(type, version) type ", "
#define DATED(type, version) type "=" version ", "
#define ARM_VERSION_EXAMPLE  "Microsoft.Compute/virtualMachines=2021-03-01"

static const char *arm_version_problem(const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals)
        return "is not TYPE=VERSION, for example " ARM_VERSION_EXAMPLE;
    if (!arm_version_valid(equals + 1))
        return "is not TYPE=VERSION with a date as its VERSION, for example " ARM_VERSION_EXAMPLE
               "; -preview may follow";
    char type[64];
    snprintf(type, sizeof type, "%.*s", (int)(equals - text), text);
    return arm_version_default(type) ? NULL
                                     : "is not one of " ARM_VERSIONS(NAMED) "followed by =VERSION";
}

static const char *kms_key_problem(const char *text)
{
    return text_is_of(text, 1, 2048, ALNUM ":/_-") ? NULL
                                                   : "is not the ID, alias or ARN of a KMS key";
}

static const char *prefix_problem(const char *text)
{
    return strlen(text) <= 1000 ? NULL : "is longer than 1000 bytes";
}

static const char *bucket_problem(const char *text)
{
    return strcmp(text, "*") == 0 ? NULL : aws_bucket_problem(text);
}

/* --- the table --- */

const struct section_info config_sections[SECTION_COUNT] = {
    [SECTION_DAEMON] = {"daemon", "The process itself."},
    [SECTION_LOG] = {"log", "What is written to standard error."},
    [SECTION_HTTP] = {"http", "Requests to the clouds."},
    [SECTION_GUARD] = {"guard", "Restricts which resources may be changed. A resource that a "
                                "limit excludes is reported as failed. No event can widen these "
                                "limits."},
    [SECTION_AWS] =
        {"aws", "Identity and endpoints in AWS. Settings that are absent here are taken from the "
                "environment and the files of the AWS CLI."},
    [SECTION_AZURE] =
        {"azure",
         "Identity and endpoints in Azure. Settings that are absent here are taken from the "
         "environment variables of the Azure SDKs."},
    [SECTION_SOURCE] = {"source", "Where events come from and their reports go. There may be any "
                                  "number of sources, each with its own name."},
};

static const char *const level_names[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_names[] = {"auto", "text", "json", "journal", NULL};
static const char *const encryption_names[] = {"AES256", "aws:kms", "aws:kms:dsse", NULL};
static const char *const checksum_names[] = {"crc32", "crc32c", "sha256", NULL};
/* Those that open an object to the world are not for reports. */
static const char *const acl_names[] = {"private", "bucket-owner-read", "bucket-owner-full-control",
                                        NULL};
static const char *const cloud_names[] = {"public", "usgov", "china", NULL};

static const char *sweep_interval_default(enum source_type type)
{
    return source_facts[type].sweep_interval;
}

const struct setting config_settings[] = {
    TEXT(IN_DAEMON(name), name_problem, .fallback_words = "the name of the host",
         .example = "hyperglance",
         .help = "The name of this daemon in claims, in logs, and in the name of the role that it "
                 "assumes in other accounts (see cross_account_role)."),
    NUMBER(IN_DAEMON(workers), 1, 1024, .fallback = "16",
           .help = "The number of threads that carry out actions. Each keeps its own connections."),
    SECRET_FILE(IN_DAEMON(claim_key_file), offsetof(struct config, daemon.claim_key),
                .check = claim_key_problem, .example = "/run/credentials/hgautod.service/claim_key",
                .help = "A file that holds a secret of at least 16 bytes, the same for all daemons "
                        "on a queue, for example the output of \"openssl rand -hex 32\". If it is "
                        "set, is_pending is signed: after a takeover, the progress recorded there "
                        "is trusted only if the signature is valid; otherwise the run starts over. "
                        "If it is not set, anyone who can write next to the events is trusted."),
    DURATION(
        IN_DAEMON(drain_timeout), SECOND, HOUR, .fallback = "60s",
        .help =
            "How long runs in progress may continue after SIGTERM before they save their progress "
            "and leave the rest to another daemon. At least request_timeout of [http]."),

    ENUM(IN_LOG(level), level_names, LOG_ERROR_LEVEL, .fallback = "info", .help = "Log verbosity."),
    ENUM(IN_LOG(format), format_names, -1, .fallback = "auto",
         .help = "Log format: text for humans, json for machines, journal for systemd; auto means "
                 "journal if standard error is the journal, otherwise text."),

    DURATION(
        IN_HTTP(connect_timeout), 100, MINUTE, .fallback = "5s",
        .help =
            "How long setting up a connection may take, including TLS. At most request_timeout."),
    DURATION(IN_HTTP(request_timeout), SECOND, 10 * MINUTE, .fallback = "30s",
             .help = "How long a whole request may take. At most drain_timeout of [daemon], and at "
                     "most half the claim_ttl of every source."),
    NUMBER(IN_HTTP(max_attempts), 1, HTTP_ATTEMPTS_MAX, .fallback = "30",
           .help = "The maximum number of attempts, including the first, for a call that fails for "
                   "a temporary reason. The call is abandoned after this many attempts or when "
                   "retry_for has passed, whichever comes first. Throttled attempts do not count: "
                   "throttle_patience limits them."),
    DURATION(IN_HTTP(retry_for), SECOND, DAY, .fallback = "2m",
             .help =
                 "How long a call that fails for a temporary reason (a network fault, an HTTP "
                 "status of 5xx) is retried, counted from its first failure. Once a change to a "
                 "resource has been accepted, its calls are retried for as long as the claim on "
                 "the event is held. If no credential or token can be obtained for this long, the "
                 "event is returned to its source, and no resource is reported as failed."),
    DURATION(IN_HTTP(throttle_patience), SECOND, DAY, .fallback = "10m",
             .help = "How long a throttled call is retried, counted from its first failure. Once a "
                     "change to a resource has been accepted, there is no limit."),
    TEXT(IN_HTTP(proxy), proxy_problem,
         .fallback_words = "http_proxy, https_proxy and no_proxy in the environment",
         .example = "http://proxy.example.com:3128",
         .help = "The proxy for all requests except those to metadata services. It is a secret if "
                 "it contains a user and password."),
    SECRET_FILE(IN_HTTP(proxy_file), offsetof(struct config, http.proxy), .check = proxy_problem,
                .example = "/run/credentials/hgautod.service/proxy",
                .help = "A file that contains the proxy's URL, as an alternative to proxy."),
    PATH(IN_HTTP(ca_bundle),
         .fallback_words = "AWS_CA_BUNDLE in the environment, otherwise the system's",
         .example = "/etc/ssl/certs/ca-certificates.crt",
         .help = "A PEM file with the certificate authorities to trust."),

    BOOL(IN_GUARD(dry_run), .fallback = "no",
         .help = "Make no change: only read, and report what would have been done."),
    LIST(IN_GUARD(enable_actions), action_problem,
         .fallback_words = "all except those that must be enabled by name",
         .example = "ec2_stop_instance, add_tag",
         .help = "The only actions that are offered and carried out."),
    LIST(
        IN_GUARD(disable_actions), action_problem, .fallback_words = "none",
        .example = "ec2_terminate_instance",
        .help =
            "Actions that are neither offered nor carried out, even if enable_actions names them."),
    LIST(IN_GUARD(allow_accounts), aws_account_problem, .fallback_words = "all",
         .example = "123456789012, 210987654321",
         .help = "The AWS accounts whose resources may be changed."),
    LIST(IN_GUARD(allow_subscriptions), azure_guid_problem, .fallback_words = "all",
         .example = "00000000-0000-0000-0000-000000000000",
         .help = "The Azure subscriptions whose resources may be changed."),
    LIST(IN_GUARD(allow_regions), any_region_problem, .fallback_words = "all",
         .example = "eu-west-1, eu-central-1",
         .help = "The regions whose resources may be changed. IAM has no regions, so its actions "
                 "are not affected. In Azure, each resource is read first to determine its "
                 "location, regardless of what the event states; a resource whose location cannot "
                 "be read is not changed."),
    LIST(IN_GUARD(protect_tags), tag_problem, .fallback_words = "none",
         .example = "do-not-touch, env=prod, \"Cost Center=R 1\"",
         .help = "Resources with one of these tags are never changed: key matches any value, "
                 "key=value only that one. The tags are taken from the event; a resource whose "
                 "tags are not in the event is refused."),

    TEXT(IN_AWS(region), aws_region_problem,
         .fallback_words = "AWS_REGION, otherwise the profile's, otherwise the instance's",
         .example = "eu-west-1",
         .help = "The region of the daemon's own requests, such as those for its identity."),
    TEXT(IN_AWS(profile), NULL, .fallback_words = "AWS_PROFILE, otherwise default",
         .example = "hyperglance",
         .help = "The profile in the files of the AWS CLI from which credentials and settings are "
                 "taken."),
    TEXT(IN_AWS(endpoint_url), plain_url_problem,
         .fallback_words =
             "AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's, otherwise AWS's own",
         .example = "http://127.0.0.1:5000",
         .help = "A single URL for the requests to all services, for tests or for a gateway."),
    TEXT(IN_AWS(cross_account_role), role_problem,
         .fallback = "arn:{partition}:iam::{account}:role/{name}-x-account",
         .help = "The role to assume for resources of another account. {partition} and {account} "
                 "are the resource's, {name} is the name of [daemon]."),
    TEXT(IN_AWS(external_id), external_id_problem, .fallback_words = "none",
         .example = "hyperglance-1234", .help = "The external ID to use when assuming that role."),

    CHOICE(IN_AZURE(cloud), cloud_names, .fallback = "public",
           .help = "The Azure cloud: public, usgov (US Government) or china."),
    TEXT(IN_AZURE(tenant_id), tenant_problem, .fallback_words = "AZURE_TENANT_ID",
         .example = "00000000-0000-0000-0000-000000000000",
         .help = "The tenant of the daemon's identity."),
    TEXT(IN_AZURE(client_id), azure_guid_problem, .fallback_words = "AZURE_CLIENT_ID",
         .example = "00000000-0000-0000-0000-000000000000",
         .help = "The daemon's application, or its user-assigned managed identity."),
    PATH(IN_AZURE(client_certificate), .fallback_words = "AZURE_CLIENT_CERTIFICATE_PATH",
         .example = "/run/credentials/hgautod.service/client.pem",
         .help = "A PEM file with the application's certificate and private key."),
    PATH(IN_AZURE(subscriptions_file), .fallback_words = "none",
         .example = "/etc/hgautod/subscriptions.csv",
         .help = "A file with the names or IDs of subscriptions, separated by commas. If it is "
                 "set, only resources in these subscriptions and in that of AZURE_SUBSCRIPTION_ID "
                 "are changed."),
    TEXT(IN_AZURE(arm_endpoint), plain_url_problem, .fallback_words = "the cloud's",
         .example = "https://management.azure.com", .help = "The URL of Azure Resource Manager."),
    TEXT(IN_AZURE(authority), plain_url_problem,
         .fallback_words = "AZURE_AUTHORITY_HOST, otherwise the cloud's",
         .example = "https://login.microsoftonline.com", .help = "The URL of the token service."),
    TEXT(IN_AZURE(storage_suffix), host_suffix_problem, .fallback_words = "the cloud's",
         .example = "core.windows.net",
         .help = "The suffix of the host names of storage accounts."),
    LIST(IN_AZURE(arm_versions), arm_version_problem, .fallback_words = "the default ones",
         .example = ARM_VERSION_EXAMPLE,
         .help = "The API versions to use with Azure Resource Manager, each as TYPE=VERSION, for "
                 "clouds that do not support the default ones. The defaults are " ARM_VERSIONS(
                     DATED) "and no other types are used."),

    ENUM(IN_SOURCE(type), source_type_names, SOURCE_SQS, .needed = EVERY_TYPE, .example = "sqs",
         .help = "The type of source: sqs is an Amazon SQS queue of notifications for a bucket, s3 "
                 "a bucket that is swept, azure_queue an Azure queue of notifications for a "
                 "container, azure_blob a container that is swept, directory a local directory."),
    TEXT(IN_SOURCE(queue_url), plain_url_problem, .types = SQS, .needed = SQS,
         .example = "https://sqs.eu-west-1.amazonaws.com/123456789012/hyperglance-events",
         .help = "The URL of the queue."),
    TEXT(IN_SOURCE(bucket), bucket_problem, .types = SQS | S3, .needed = S3,
         .fallback_words = "for sqs, the bucket named in each notification, with a warning",
         .example = "hyperglance-events",
         .help = "The bucket that contains the events and receives the reports. Notifications "
                 "about other buckets are ignored. For sqs, * stands for the bucket named in each "
                 "notification; use it only if no one else can send to the queue. Omitting bucket "
                 "has the same effect, and is deprecated."),
    TEXT(IN_SOURCE(region), aws_region_problem, .types = SQS | S3,
         .fallback_words = "the one in the queue's URL, otherwise that of [aws]",
         .example = "eu-west-1", .help = "The region of the queue and the bucket."),
    TEXT(IN_SOURCE(bucket_owner), aws_account_problem, .types = SQS | S3,
         .fallback_words = "any account", .example = "123456789012",
         .help = "The AWS account that must own the bucket. S3 refuses requests to a bucket of "
                 "another account."),
    CHOICE(IN_SOURCE(server_side_encryption), encryption_names, .types = SQS | S3,
           .fallback_words = "the bucket's own", .example = "aws:kms",
           .help = "The encryption to request for each object that is put in the bucket, for "
                   "buckets whose policy requires it: AES256, aws:kms or aws:kms:dsse."),
    TEXT(IN_SOURCE(kms_key_id), kms_key_problem, .types = SQS | S3,
         .fallback_words = "the bucket's own, otherwise the account's for S3",
         .example = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000",
         .help = "The KMS key to encrypt with, if server_side_encryption is aws:kms or "
                 "aws:kms:dsse. The daemon needs kms:GenerateDataKey and kms:Decrypt for it."),
    CHOICE(IN_SOURCE(checksum), checksum_names, .types = SQS | S3, .fallback_words = "none",
           .example = "crc32",
           .help = "The checksum to send with each object that is put in the bucket: crc32, crc32c "
                   "or sha256. Buckets with Object Lock require one."),
    CHOICE(IN_SOURCE(acl), acl_names, .types = SQS | S3, .fallback_words = "none",
           .example = "bucket-owner-full-control",
           .help = "The canned ACL to send with each object that is put in the bucket, for buckets "
                   "of another account whose policy requires it: private, bucket-owner-read or "
                   "bucket-owner-full-control. The daemon then needs s3:PutObjectAcl."),
    TEXT(IN_SOURCE(account), azure_account_problem, .types = AZURE,
         .fallback_words = "the one in the connection string", .example = "hyperglanceevents",
         .help = "The storage account."),
    TEXT(IN_SOURCE(queue), azure_queue_problem, .types = AZURE_QUEUE, .needed = AZURE_QUEUE,
         .example = "events", .help = "The queue's name."),
    TEXT(IN_SOURCE(container), azure_container_problem, .types = AZURE, .needed = AZURE,
         .example = "hyperglance",
         .help = "The container that contains the events and receives the reports."),
    SECRET(IN_SOURCE(connection_string), .types = AZURE,
           .fallback_words = "none; the identity of [azure] is used",
           .example = "AccountName=hyperglanceevents;AccountKey=...",
           .help = "The storage account's connection string, with an account key or a shared "
                   "access signature. This is a secret; prefer connection_string_file."),
    SECRET_FILE(
        IN_SOURCE(connection_string_file), offsetof(struct config_source, connection_string),
        .types = AZURE, .example = "/run/credentials/hgautod.service/connection_string",
        .help =
            "A file that contains the connection string, as an alternative to connection_string."),
    PATH(IN_SOURCE(path), .types = DIRECTORY, .needed = DIRECTORY, .example = "/srv/hyperglance",
         .help = "The directory that contains the events and receives the reports."),
    TEXT(IN_SOURCE(prefix), prefix_problem, .types = SQS | S3 | AZURE, .fallback_words = "none",
         .example = "production/",
         .help = "Only events whose key begins with this prefix are processed."),
    DURATION(IN_SOURCE(wait_time), 0, 20 * SECOND, .types = SQS, .fallback = "20s",
             .whole_seconds = true,
             .help = "How long a request for messages waits for one to arrive."),
    DURATION(IN_SOURCE(poll_interval), 100, HOUR, .types = AZURE_QUEUE, .fallback = "10s",
             .help = "The maximum time between polls when nothing was found."),
    DURATION(IN_SOURCE(visibility_timeout), 30 * SECOND, 12 * HOUR, .types = SQS | AZURE_QUEUE,
             .fallback = "5m", .whole_seconds = true,
             .help = "How long a message stays hidden from other daemons; it is renewed at half "
                     "that time for the duration of its run."),
    NUMBER(IN_SOURCE(max_messages), 1, 32, .types = SQS | AZURE_QUEUE, .fallback = "10",
           .help = "The number of messages received at once, for sqs at most 10."),
    NUMBER(IN_SOURCE(max_receive), 1, 1000, .types = AZURE_QUEUE, .fallback = "5",
           .help = "A message that cannot be parsed, or whose events cannot be claimed or read for "
                   "a reason that is not temporary, is moved to the queue QUEUE-poison once it has "
                   "been received this many times."),
    BOOL(RULE(claims), .fallback = "yes",
         .help = "Whether a run is claimed in is_pending, so that no two daemons carry out the "
                 "same event. Turn claims off only for stores without conditional writes."),
    DURATION(RULE(claim_ttl), 10 * SECOND, HOUR, .fallback = "2m",
             .help = "How long a claim is valid without renewal; after that, another daemon takes "
                     "over from one that died. At least twice request_timeout of [http]."),
    DURATION(IN_SOURCE(sweep_interval), SECOND, DAY, .fallback_by_type = sweep_interval_default,
             .may_be_off = true,
             .help = "How often the store is searched for events that have no report and are not "
                     "pending. For s3, azure_blob and directory, this is the only way to find "
                     "events, so it cannot be off there."),
    DURATION(IN_SOURCE(sweep_max_age), MINUTE, 365 * DAY, .fallback = "24h",
             .help = "Events older than this are ignored by sweeps."),
    {.key = NULL},
};

size_t config_setting_count(void)
{
    return sizeof config_settings / sizeof config_settings[0] - 1;
}

const struct setting *config_setting_find(enum section section, const char *key)
{
    for (const struct setting *s = config_settings; s->key; s++)
        if (s->section == section && strcmp(s->key, key) == 0)
            return s;
    return NULL;
}

bool config_setting_applies(const struct setting *s, enum source_type type)
{
    return !s->types || (s->types & TYPE(type));
}

const char *config_setting_fallback(const struct setting *s, enum source_type type)
{
    return s->fallback_by_type ? s->fallback_by_type(type) : s->fallback;
}

const char *config_source_bucket(const struct config_source *s)
{
    return s->bucket && strcmp(s->bucket, "*") != 0 ? s->bucket : NULL;
}

const char *source_type_name(enum source_type type)
{
    return source_type_names[type];
}
