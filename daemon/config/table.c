/* The one table of settings: every key of the configuration, what it may be, its default and its
 * documentation. */
#include "daemon/config/table.h"

#include <stdio.h>
#include <string.h>

#include "lib/aws/names.h"
#include "lib/aws/s3.h"
#include "lib/azure/arm.h"

/* In milliseconds. */
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define TYPE(t)       (1u << (t))
#define SQS           TYPE(SOURCE_SQS)
#define S3            TYPE(SOURCE_S3)
#define AZURE_QUEUE   TYPE(SOURCE_AZURE_QUEUE)
#define AZURE_BLOB    TYPE(SOURCE_AZURE_BLOB)
#define DIRECTORY     TYPE(SOURCE_DIRECTORY)
#define AZURE         (AZURE_QUEUE | AZURE_BLOB)
#define EVERY_TYPE    (SQS | S3 | AZURE | DIRECTORY)
#define IN(field)     .at = offsetof(struct config, field)
#define OF(field)     .section = SECTION_SOURCE, .at = offsetof(struct config_source, field)
#define SETTING_COUNT (sizeof config_settings / sizeof config_settings[0] - 1)

/* --- what strings must look like --- */

static const char LOWER[] = "abcdefghijklmnopqrstuvwxyz";
static const char DIGITS[] = "0123456789";
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define ALNUM   LETTERS "0123456789"

static bool made_of(const char *text, size_t min, size_t max, const char *characters)
{
    size_t n = strlen(text);

    return n >= min && n <= max && strspn(text, characters) == n;
}

static const char *check_name(const char *text)
{
    return made_of(text, 1, 54, ALNUM "+=,.@_-")
               ? NULL
               : "1 to 54 of the characters A-Z a-z 0-9 + = , . @ _ -";
}

/* An absolute http(s) URL; who uses it checks the rest. */
static const char *check_url(const char *text)
{
    const char *rest = strncmp(text, "https://", 8) == 0  ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7
                                                          : "";

    return *rest && !strchr("/?#:", *rest) && !strpbrk(text, " \t\"<>\\^`{|}")
               ? NULL
               : "a URL that begins with https:// or http:// and a host";
}

static const char *check_plain_url(const char *text)
{
    return !strchr(text, '@') ? check_url(text) : "a URL without user information ('@')";
}

static const char *check_claim_key(const char *text)
{
    return strlen(text) >= 16 ? NULL : "a key of at least 16 bytes";
}

static const char *check_proxy(const char *text)
{
    static const char *const schemes[] = {"http://",    "https://",  "socks4://",
                                          "socks4a://", "socks5://", "socks5h://"};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0 && text[strlen(schemes[i])] &&
            !strpbrk(text, " \t"))
            return NULL;
    return "a proxy's URL: http://, https://, socks4://, socks4a://, socks5:// or socks5h:// and a "
           "host";
}

static const char *check_action(const char *text)
{
    return made_of(text, 1, 64, "abcdefghijklmnopqrstuvwxyz0123456789_")
               ? NULL
               : "the name of an action, for example ec2_stop_instance";
}

static const char *check_account(const char *text)
{
    return made_of(text, 12, 12, DIGITS) ? NULL : "an AWS account id, which has 12 digits";
}

static bool is_guid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (!text[i] || (dash ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i])))
            return false;
    }
    return text[36] == '\0';
}

static const char *check_guid(const char *text)
{
    return is_guid(text) ? NULL : "a GUID like 00000000-0000-0000-0000-000000000000";
}

static const char *check_tenant(const char *text)
{
    return is_guid(text) || (made_of(text, 3, 253, ALNUM ".-") && strchr(text, '.'))
               ? NULL
               : "a tenant's GUID or its domain, for example example.onmicrosoft.com";
}

/* AWS ("eu-west-1") and Azure ("westeurope"). */
static const char *check_any_region(const char *text)
{
    return made_of(text, 2, 32, "abcdefghijklmnopqrstuvwxyz0123456789-") && strspn(text, LOWER) > 0
               ? NULL
               : "a region as the cloud's API names it, for example eu-west-1 or westeurope";
}

static const char *check_aws_region(const char *text)
{
    size_t last = strlen(text);

    while (last && strchr(DIGITS, text[last - 1]))
        last--;
    return !check_any_region(text) && strspn(text, LOWER) < strlen(text) && text[last] &&
                   last > 3 && text[last - 1] == '-' && strchr(text, '-') < text + last - 1
               ? NULL
               : "an AWS region, for example eu-west-1";
}

static const char *check_tag(const char *text)
{
    size_t key = strcspn(text, "=");

    return key >= 1 && key <= 512 ? NULL : "a tag's key, or key=value";
}

static const char *check_role(const char *text)
{
    static const char *const known[] = {"{partition}", "{account}", "{name}"};

    if (strncmp(text, "arn:", 4) != 0 || !strstr(text, ":role/") || strlen(text) > 1024)
        return "the ARN of a role: arn:{partition}:iam::{account}:role/NAME";
    for (const char *p = strpbrk(text, "{}"); p; p = strpbrk(p, "{}")) {
        size_t i = 0;

        while (i < 3 && strncmp(p, known[i], strlen(known[i])) != 0)
            i++;
        if (i == 3)
            return "a template with no other placeholders than {partition}, {account} and {name}";
        p += strlen(known[i]);
    }
    return strstr(text, "{account}")
               ? NULL
               : "a template that holds {account}, or every account would get the same role";
}

static const char *check_external_id(const char *text)
{
    return made_of(text, 2, 1224, ALNUM "_+=,.@:/-")
               ? NULL
               : "2 to 1224 of the characters A-Z a-z 0-9 _ + = , . @ : / -";
}

static const char *check_host_suffix(const char *text)
{
    return made_of(text, 3, 253, ALNUM ".-:") && text[0] != '.'
               ? NULL
               : "a host's name without the account, for example core.windows.net";
}

#define NAMED(type, version) type ", "
#define DATED(type, version) type "=" version ", "
#define ARM_VERSION_EXAMPLE  "Microsoft.Compute/virtualMachines=2021-03-01"

static const char *check_arm_version(const char *text)
{
    const char *equals = strchr(text, '=');
    char type[64];

    if (!equals)
        return "TYPE=VERSION, for example " ARM_VERSION_EXAMPLE;
    if (!arm_version_valid(equals + 1))
        return "TYPE=VERSION with a date as its VERSION, for example " ARM_VERSION_EXAMPLE
               "; -preview may follow";
    snprintf(type, sizeof type, "%.*s", (int)(equals - text), text);
    return arm_version_usual(type) ? NULL : "one of " ARM_VERSIONS(NAMED) "followed by =VERSION";
}

static const char *check_kms_key(const char *text)
{
    return made_of(text, 1, 2048, ALNUM ":/_-") ? NULL : "the id, alias or ARN of a KMS key";
}

static const char *check_prefix(const char *text)
{
    return strlen(text) <= 1000 ? NULL : "at most 1000 bytes";
}

static const char *check_storage_account(const char *text)
{
    return made_of(text, 3, 24, "abcdefghijklmnopqrstuvwxyz0123456789")
               ? NULL
               : "a storage account: 3 to 24 lowercase letters and digits";
}

static const char *check_container(const char *text)
{
    return made_of(text, 3, 63, "abcdefghijklmnopqrstuvwxyz0123456789-")
               ? NULL
               : "3 to 63 lowercase letters, digits and dashes";
}

static const char *check_bucket(const char *text)
{
    return strcmp(text, "*") == 0 ? NULL : s3_bucket_problem(text);
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
static const char *const type_names[] = {"sqs",        "s3",        "azure_queue",
                                         "azure_blob", "directory", NULL};

const struct setting config_settings[] = {
    {.section = SECTION_DAEMON,
     .key = "name",
     .kind = VALUE_STRING,
     IN(daemon.name),
     .fallback_words = "the name of the host",
     .example = "hyperglance",
     .check = check_name,
     .help = "The name of this daemon in claims, in logs, and in the name of the role that it "
             "assumes in other accounts (see cross_account_role)."},
    {.section = SECTION_DAEMON,
     .key = "workers",
     .kind = VALUE_NUMBER,
     IN(daemon.workers),
     .fallback = "16",
     .min = 1,
     .max = 1024,
     .help = "The number of threads that carry out actions. Each keeps its own connections."},
    {.section = SECTION_DAEMON,
     .key = "claim_key_file",
     .kind = VALUE_FILE,
     IN(daemon.claim_key_file),
     .secret_at = offsetof(struct config, daemon.claim_key),
     .check = check_claim_key,
     .example = "/run/credentials/hgautod.service/claim_key",
     .help =
         "A file that holds a secret of at least 16 bytes, the same for all daemons on a queue, "
         "for example the output of \"openssl rand -hex 32\". If it is set, is_pending is signed: "
         "after a takeover, the progress recorded there is trusted only if the signature is "
         "valid; otherwise the run starts over. If it is not set, anyone who can write next to "
         "the events is trusted."},
    {.section = SECTION_DAEMON,
     .key = "drain_timeout",
     .kind = VALUE_DURATION,
     IN(daemon.drain_timeout),
     .fallback = "60s",
     .min = SECOND,
     .max = HOUR,
     .step = 1,
     .help = "How long runs in progress may continue after SIGTERM before they save their "
             "progress and leave the rest to another daemon. At least request_timeout of [http]."},

    {.section = SECTION_LOG,
     .key = "level",
     .kind = VALUE_ENUM,
     IN(log.level),
     .fallback = "info",
     .names = level_names,
     .min = LOG_ERROR_LEVEL,
     .help = "Log verbosity."},
    {.section = SECTION_LOG,
     .key = "format",
     .kind = VALUE_ENUM,
     IN(log.format),
     .fallback = "auto",
     .names = format_names,
     .min = -1,
     .help = "Log format: text for humans, json for machines, journal for systemd; auto means "
             "journal if standard error is the journal, otherwise text."},

    {.section = SECTION_HTTP,
     .key = "connect_timeout",
     .kind = VALUE_DURATION,
     IN(http.connect_timeout),
     .fallback = "5s",
     .min = 100,
     .max = MINUTE,
     .step = 1,
     .help = "How long setting up a connection may take, including TLS. At most request_timeout."},
    {.section = SECTION_HTTP,
     .key = "request_timeout",
     .kind = VALUE_DURATION,
     IN(http.request_timeout),
     .fallback = "30s",
     .min = SECOND,
     .max = 10 * MINUTE,
     .step = 1,
     .help = "How long a whole request may take. At most drain_timeout of [daemon], and at most "
             "half the claim_ttl of every source."},
    {.section = SECTION_HTTP,
     .key = "max_attempts",
     .kind = VALUE_NUMBER,
     IN(http.max_attempts),
     .fallback = "30",
     .min = 1,
     .max = HTTP_ATTEMPTS_MAX,
     .help = "The maximum number of attempts, including the first, for a call that fails for a "
             "temporary reason. The call is abandoned after this many attempts or when retry_for "
             "has passed, whichever comes first. Throttled attempts do not count: "
             "throttle_patience limits them."},
    {.section = SECTION_HTTP,
     .key = "retry_for",
     .kind = VALUE_DURATION,
     IN(http.retry_for),
     .fallback = "2m",
     .min = SECOND,
     .max = DAY,
     .step = 1,
     .help = "How long a call that fails for a temporary reason (a network fault, an HTTP status "
             "of 5xx) is retried, counted from its first failure. Once a change to a resource has "
             "been accepted, its calls are retried for as long as the claim on the event is held. "
             "If no credential or token can be obtained for this long, the event is returned to "
             "its source, and no resource is reported as failed."},
    {.section = SECTION_HTTP,
     .key = "throttle_patience",
     .kind = VALUE_DURATION,
     IN(http.throttle_patience),
     .fallback = "10m",
     .min = SECOND,
     .max = DAY,
     .step = 1,
     .help = "How long a throttled call is retried, counted from its first failure. Once a change "
             "to a resource has been accepted, there is no limit."},
    {.section = SECTION_HTTP,
     .key = "proxy",
     .kind = VALUE_STRING,
     IN(http.proxy),
     .fallback_words = "http_proxy, https_proxy and no_proxy in the environment",
     .example = "http://proxy.example.com:3128",
     .check = check_proxy,
     .help = "The proxy for all requests except those to metadata services. It is a secret if it "
             "contains a user and password."},
    {.section = SECTION_HTTP,
     .key = "proxy_file",
     .kind = VALUE_FILE,
     IN(http.proxy_file),
     .secret_at = offsetof(struct config, http.proxy),
     .check = check_proxy,
     .example = "/run/credentials/hgautod.service/proxy",
     .help = "A file that contains the proxy's URL, as an alternative to proxy."},
    {.section = SECTION_HTTP,
     .key = "ca_bundle",
     .kind = VALUE_PATH,
     IN(http.ca_bundle),
     .fallback_words = "AWS_CA_BUNDLE in the environment, otherwise the system's",
     .example = "/etc/ssl/certs/ca-certificates.crt",
     .help = "A PEM file with the certificate authorities to trust."},

    {.section = SECTION_GUARD,
     .key = "dry_run",
     .kind = VALUE_BOOL,
     IN(guard.dry_run),
     .fallback = "no",
     .help = "Make no change: only read, and report what would have been done."},
    {.section = SECTION_GUARD,
     .key = "enable_actions",
     .kind = VALUE_LIST,
     IN(guard.enable_actions),
     .fallback_words = "all except those that must be enabled by name",
     .example = "ec2_stop_instance, add_tag",
     .check = check_action,
     .help = "The only actions that are offered and carried out."},
    {.section = SECTION_GUARD,
     .key = "disable_actions",
     .kind = VALUE_LIST,
     IN(guard.disable_actions),
     .fallback_words = "none",
     .example = "ec2_terminate_instance",
     .check = check_action,
     .help =
         "Actions that are neither offered nor carried out, even if enable_actions names them."},
    {.section = SECTION_GUARD,
     .key = "allow_accounts",
     .kind = VALUE_LIST,
     IN(guard.allow_accounts),
     .fallback_words = "all",
     .example = "123456789012, 210987654321",
     .check = check_account,
     .help = "The AWS accounts whose resources may be changed."},
    {.section = SECTION_GUARD,
     .key = "allow_subscriptions",
     .kind = VALUE_LIST,
     IN(guard.allow_subscriptions),
     .fallback_words = "all",
     .example = "00000000-0000-0000-0000-000000000000",
     .check = check_guid,
     .help = "The Azure subscriptions whose resources may be changed."},
    {.section = SECTION_GUARD,
     .key = "allow_regions",
     .kind = VALUE_LIST,
     IN(guard.allow_regions),
     .fallback_words = "all",
     .example = "eu-west-1, eu-central-1",
     .check = check_any_region,
     .help = "The regions whose resources may be changed. IAM has no regions, so its actions are "
             "not affected. In Azure, each resource is read first to determine its location, "
             "regardless of what the event states; a resource whose location cannot be read is "
             "not changed."},
    {.section = SECTION_GUARD,
     .key = "protect_tags",
     .kind = VALUE_LIST,
     IN(guard.protect_tags),
     .fallback_words = "none",
     .example = "do-not-touch, env=prod, \"Cost Center=R 1\"",
     .check = check_tag,
     .help = "Resources with one of these tags are never changed: key matches any value, "
             "key=value only that one. The tags are taken from the event; a resource whose tags "
             "are not in the event is refused."},

    {.section = SECTION_AWS,
     .key = "region",
     .kind = VALUE_STRING,
     IN(aws.region),
     .fallback_words = "AWS_REGION, otherwise the profile's, otherwise the instance's",
     .example = "eu-west-1",
     .check = check_aws_region,
     .help = "The region of the daemon's own requests, such as those for its identity."},
    {.section = SECTION_AWS,
     .key = "profile",
     .kind = VALUE_STRING,
     IN(aws.profile),
     .fallback_words = "AWS_PROFILE, otherwise default",
     .example = "hyperglance",
     .help = "The profile in the files of the AWS CLI from which credentials and settings are "
             "taken."},
    {.section = SECTION_AWS,
     .key = "endpoint_url",
     .kind = VALUE_STRING,
     IN(aws.endpoint_url),
     .fallback_words =
         "AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's, otherwise AWS's own",
     .example = "http://127.0.0.1:5000",
     .check = check_plain_url,
     .help = "A single URL for the requests to all services, for tests or for a gateway."},
    {.section = SECTION_AWS,
     .key = "cross_account_role",
     .kind = VALUE_STRING,
     IN(aws.cross_account_role),
     .fallback = "arn:{partition}:iam::{account}:role/{name}-x-account",
     .check = check_role,
     .help = "The role to assume for resources of another account. {partition} and {account} are "
             "the resource's, {name} is the name of [daemon]."},
    {.section = SECTION_AWS,
     .key = "external_id",
     .kind = VALUE_STRING,
     IN(aws.external_id),
     .fallback_words = "none",
     .example = "hyperglance-1234",
     .check = check_external_id,
     .help = "The external ID to use when assuming that role."},

    {.section = SECTION_AZURE,
     .key = "cloud",
     .kind = VALUE_CHOICE,
     IN(azure.cloud),
     .fallback = "public",
     .names = cloud_names,
     .help = "The Azure cloud: public, usgov (US Government) or china."},
    {.section = SECTION_AZURE,
     .key = "tenant_id",
     .kind = VALUE_STRING,
     IN(azure.tenant_id),
     .fallback_words = "AZURE_TENANT_ID",
     .example = "00000000-0000-0000-0000-000000000000",
     .check = check_tenant,
     .help = "The tenant of the daemon's identity."},
    {.section = SECTION_AZURE,
     .key = "client_id",
     .kind = VALUE_STRING,
     IN(azure.client_id),
     .fallback_words = "AZURE_CLIENT_ID",
     .example = "00000000-0000-0000-0000-000000000000",
     .check = check_guid,
     .help = "The daemon's application, or its user-assigned managed identity."},
    {.section = SECTION_AZURE,
     .key = "client_certificate",
     .kind = VALUE_PATH,
     IN(azure.client_certificate),
     .fallback_words = "AZURE_CLIENT_CERTIFICATE_PATH",
     .example = "/run/credentials/hgautod.service/client.pem",
     .help = "A PEM file with the application's certificate and private key."},
    {.section = SECTION_AZURE,
     .key = "subscriptions_file",
     .kind = VALUE_PATH,
     IN(azure.subscriptions_file),
     .fallback_words = "none",
     .example = "/etc/hgautod/subscriptions.csv",
     .help = "A file with the names or IDs of subscriptions, separated by commas. If it is set, "
             "only resources in these subscriptions and in that of AZURE_SUBSCRIPTION_ID are "
             "changed."},
    {.section = SECTION_AZURE,
     .key = "arm_endpoint",
     .kind = VALUE_STRING,
     IN(azure.arm_endpoint),
     .fallback_words = "the cloud's",
     .example = "https://management.azure.com",
     .check = check_plain_url,
     .help = "The URL of Azure Resource Manager."},
    {.section = SECTION_AZURE,
     .key = "authority",
     .kind = VALUE_STRING,
     IN(azure.authority),
     .fallback_words = "AZURE_AUTHORITY_HOST, otherwise the cloud's",
     .example = "https://login.microsoftonline.com",
     .check = check_plain_url,
     .help = "The URL of the token service."},
    {.section = SECTION_AZURE,
     .key = "storage_suffix",
     .kind = VALUE_STRING,
     IN(azure.storage_suffix),
     .fallback_words = "the cloud's",
     .example = "core.windows.net",
     .check = check_host_suffix,
     .help = "The suffix of the host names of storage accounts."},
    {.section = SECTION_AZURE,
     .key = "arm_versions",
     .kind = VALUE_LIST,
     IN(azure.arm_versions),
     .fallback_words = "the default ones",
     .example = ARM_VERSION_EXAMPLE,
     .check = check_arm_version,
     .help = "The API versions to use with Azure Resource Manager, each as TYPE=VERSION, for "
             "clouds that do not support the default ones. The defaults are " ARM_VERSIONS(
                 DATED) "and no other types are used."},

    {.key = "type",
     .kind = VALUE_ENUM,
     OF(type),
     .names = type_names,
     .min = SOURCE_SQS,
     .needed = EVERY_TYPE,
     .example = "sqs",
     .help = "The type of source: sqs is an Amazon SQS queue of notifications for a bucket, s3 a "
             "bucket that is swept, azure_queue an Azure queue of notifications for a container, "
             "azure_blob a container that is swept, directory a local directory."},
    {.key = "queue_url",
     .kind = VALUE_STRING,
     OF(queue_url),
     .types = SQS,
     .needed = SQS,
     .example = "https://sqs.eu-west-1.amazonaws.com/123456789012/hyperglance-events",
     .check = check_plain_url,
     .help = "The URL of the queue."},
    {.key = "bucket",
     .kind = VALUE_STRING,
     OF(bucket),
     .types = SQS | S3,
     .needed = S3,
     .example = "hyperglance-events",
     .check = check_bucket,
     .fallback_words = "for sqs, the bucket named in each notification, with a warning",
     .help = "The bucket that contains the events and receives the reports. Notifications about "
             "other buckets are ignored. For sqs, * stands for the bucket named in each "
             "notification; use it only if no one else can send to the queue. Omitting bucket has "
             "the same effect, and is deprecated."},
    {.key = "region",
     .kind = VALUE_STRING,
     OF(region),
     .types = SQS | S3,
     .fallback_words = "the one in the queue's URL, otherwise that of [aws]",
     .example = "eu-west-1",
     .check = check_aws_region,
     .help = "The region of the queue and the bucket."},
    {.key = "bucket_owner",
     .kind = VALUE_STRING,
     OF(bucket_owner),
     .types = SQS | S3,
     .fallback_words = "any account",
     .example = "123456789012",
     .check = check_account,
     .help = "The AWS account that must own the bucket. S3 refuses requests to a bucket of "
             "another account."},
    {.key = "server_side_encryption",
     .kind = VALUE_CHOICE,
     OF(server_side_encryption),
     .types = SQS | S3,
     .names = encryption_names,
     .fallback_words = "the bucket's own",
     .example = "aws:kms",
     .help = "The encryption to request for each object that is put in the bucket, for buckets "
             "whose policy requires it: AES256, aws:kms or aws:kms:dsse."},
    {.key = "kms_key_id",
     .kind = VALUE_STRING,
     OF(kms_key_id),
     .types = SQS | S3,
     .fallback_words = "the bucket's own, otherwise the account's for S3",
     .example = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000",
     .check = check_kms_key,
     .help = "The KMS key to encrypt with, if server_side_encryption is aws:kms or aws:kms:dsse. "
             "The daemon needs kms:GenerateDataKey and kms:Decrypt for it."},
    {.key = "checksum",
     .kind = VALUE_CHOICE,
     OF(checksum),
     .types = SQS | S3,
     .names = checksum_names,
     .fallback_words = "none",
     .example = "crc32",
     .help = "The checksum to send with each object that is put in the bucket: crc32, crc32c or "
             "sha256. Buckets with Object Lock require one."},
    {.key = "acl",
     .kind = VALUE_CHOICE,
     OF(acl),
     .types = SQS | S3,
     .names = acl_names,
     .fallback_words = "none",
     .example = "bucket-owner-full-control",
     .help = "The canned ACL to send with each object that is put in the bucket, for buckets of "
             "another account whose policy requires it: private, bucket-owner-read or "
             "bucket-owner-full-control. The daemon then needs s3:PutObjectAcl."},
    {.key = "account",
     .kind = VALUE_STRING,
     OF(account),
     .types = AZURE,
     .fallback_words = "the one in the connection string",
     .example = "hyperglanceevents",
     .check = check_storage_account,
     .help = "The storage account."},
    {.key = "queue",
     .kind = VALUE_STRING,
     OF(queue),
     .types = AZURE_QUEUE,
     .needed = AZURE_QUEUE,
     .example = "events",
     .check = check_container,
     .help = "The queue's name."},
    {.key = "container",
     .kind = VALUE_STRING,
     OF(container),
     .types = AZURE,
     .needed = AZURE,
     .example = "hyperglance",
     .check = check_container,
     .help = "The container that contains the events and receives the reports."},
    {.key = "connection_string",
     .kind = VALUE_SECRET,
     OF(connection_string),
     .types = AZURE,
     .fallback_words = "none; the identity of [azure] is used",
     .example = "AccountName=hyperglanceevents;AccountKey=...",
     .help = "The storage account's connection string, with an account key or a shared access "
             "signature. This is a secret; prefer connection_string_file."},
    {.key = "connection_string_file",
     .kind = VALUE_FILE,
     OF(connection_string_file),
     .types = AZURE,
     .secret_at = offsetof(struct config_source, connection_string),
     .example = "/run/credentials/hgautod.service/connection_string",
     .help = "A file that contains the connection string, as an alternative to connection_string."},
    {.key = "path",
     .kind = VALUE_PATH,
     OF(path),
     .types = DIRECTORY,
     .needed = DIRECTORY,
     .example = "/srv/hyperglance",
     .help = "The directory that contains the events and receives the reports."},
    {.key = "prefix",
     .kind = VALUE_STRING,
     OF(prefix),
     .types = SQS | S3 | AZURE,
     .fallback_words = "none",
     .example = "production/",
     .check = check_prefix,
     .help = "Only events whose key begins with this prefix are processed."},
    {.key = "wait_time",
     .kind = VALUE_DURATION,
     OF(wait_time),
     .types = SQS,
     .fallback = "20s",
     .min = 0,
     .max = 20 * SECOND,
     .step = SECOND,
     .help = "How long a request for messages waits for one to arrive."},
    {.key = "poll_interval",
     .kind = VALUE_DURATION,
     OF(poll_interval),
     .types = AZURE_QUEUE,
     .fallback = "10s",
     .min = 100,
     .max = HOUR,
     .step = 1,
     .help = "The maximum time between polls when nothing was found."},
    {.key = "visibility_timeout",
     .kind = VALUE_DURATION,
     OF(visibility_timeout),
     .types = SQS | AZURE_QUEUE,
     .fallback = "5m",
     .min = 30 * SECOND,
     .max = 12 * HOUR,
     .step = SECOND,
     .help = "How long a message stays hidden from other daemons; it is renewed at half that time "
             "for the duration of its run."},
    {.key = "max_messages",
     .kind = VALUE_NUMBER,
     OF(max_messages),
     .types = SQS | AZURE_QUEUE,
     .fallback = "10",
     .min = 1,
     .max = 32,
     .help = "The number of messages received at once, for sqs at most 10."},
    {.key = "max_receive",
     .kind = VALUE_NUMBER,
     OF(max_receive),
     .types = AZURE_QUEUE,
     .fallback = "5",
     .min = 1,
     .max = 1000,
     .help = "A message that cannot be parsed, or whose events cannot be claimed or read for a "
             "reason that is not temporary, is moved to the queue QUEUE-poison once it has been "
             "received this many times."},
    {.key = "claims",
     .kind = VALUE_BOOL,
     OF(rules.claims),
     .fallback = "yes",
     .help = "Whether a run is claimed in is_pending, so that no two daemons carry out the same "
             "event. Turn claims off only for stores without conditional writes."},
    {.key = "claim_ttl",
     .kind = VALUE_DURATION,
     OF(rules.claim_ttl),
     .fallback = "2m",
     .min = 10 * SECOND,
     .max = HOUR,
     .step = 1,
     .help = "How long a claim is valid without renewal; after that, another daemon takes over "
             "from one that died. At least twice request_timeout of [http]."},
    {.key = "sweep_interval",
     .kind = VALUE_DURATION,
     OF(sweep_interval),
     .fallback = "off",
     .other_types = S3 | AZURE_BLOB | DIRECTORY,
     .other = "1m",
     .min = SECOND,
     .max = DAY,
     .step = 1,
     .may_be_off = true,
     .help = "How often the store is searched for events that have no report and are not pending. "
             "For s3 and azure_blob, this is the only way to find events, and for directory the "
             "only reliable one, so it cannot be off there."},
    {.key = "sweep_max_age",
     .kind = VALUE_DURATION,
     OF(sweep_max_age),
     .fallback = "24h",
     .min = MINUTE,
     .max = 365 * DAY,
     .step = 1,
     .help = "Events older than this are ignored by sweeps."},
    {.key = NULL},
};

size_t config_setting_count(void)
{
    return SETTING_COUNT;
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
    return s->other_types & TYPE(type) ? s->other : s->fallback;
}

const char *config_source_bucket(const struct config_source *s)
{
    return s->bucket && strcmp(s->bucket, "*") != 0 ? s->bucket : NULL;
}

const char *source_type_name(enum source_type type)
{
    return type_names[type];
}
