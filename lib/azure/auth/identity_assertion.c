/* Signs the assertion by which the owner of a certificate authenticates: a JWT under PS256. Touches
 * memory only.
 * Source: Microsoft identity platform, "Application authentication with certificate credentials";
 * RFC 7515, RFC 7518. */
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/azure/auth/identity_kinds.h"
#include "lib/base/crypto.h"

#define LIFE_S   600
#define JSON_MAX 8192
/* Of keys up to 16,384 bits. */
#define SIGNATURE_MAX 2048

/* OpenSSL's callback for encrypted keys. Without a password it fails, instead of reading one
 * from the terminal. */
static int assertion_give_password(char *to, int size, int writing, void *ctx)
{
    const char *password = ctx;
    size_t n = password ? strlen(password) : 0;
    (void)writing;
    if (n == 0 || size < 0 || n > (size_t)size)
        return -1;
    memcpy(to, password, n);
    return (int)n;
}

static EVP_PKEY *assertion_read_key(const struct identity_certificate *from)
{
    if (from->pem->size == 0)
        return NULL;
    BIO *bio = BIO_new_mem_buf(from->pem->data, (int)from->pem->size);
    EVP_PKEY *key =
        PEM_read_bio_PrivateKey(bio, NULL, assertion_give_password, (void *)from->password);
    BIO_free(bio);
    return key;
}

/* Returns the certificate that belongs to the key: the file may contain a chain. */
static X509 *assertion_read_certificate(const struct buf *pem, EVP_PKEY *key)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->size);
    X509 *certificate;
    while ((certificate = PEM_read_bio_X509(bio, NULL, assertion_give_password, NULL)) &&
           X509_check_private_key(certificate, key) != 1)
        X509_free(certificate);
    BIO_free(bio);
    return certificate;
}

/* Appends a JSON object in base64url and a dot; releases it. NULL is an error. */
static bool assertion_add_part(struct buf *to, json_t *object)
{
    char text[JSON_MAX];
    size_t n = object ? json_dumpb(object, text, sizeof text, JSON_COMPACT) : 0;
    json_decref(object);
    return n > 0 && n <= sizeof text && base64url_add(to, text, n) && buf_addc(to, '.');
}

static bool assertion_add_header(struct buf *to, const X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct buf thumbprint = buf_make(128);
    bool ok = X509_digest(certificate, EVP_sha256(), digest, &size) == 1 &&
              base64url_add(&thumbprint, digest, size) &&
              assertion_add_part(to, json_pack("{s:s, s:s, s:s}", "alg", "PS256", "typ", "JWT",
                                               "x5t#S256", buf_str(&thumbprint)));
    buf_free(&thumbprint);
    return ok;
}

static bool assertion_add_claims(struct buf *to, const struct identity_params *params,
                                 const char *audience)
{
    char id[37];
    clock_uuid(params->clock, id);
    json_int_t now_s = skew_now(params->skew, params->clock) / 1000;
    return assertion_add_part(to,
                              json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "aud", audience,
                                        "iss", params->client_id, "sub", params->client_id, "jti",
                                        id, "nbf", now_s, "iat", now_s, "exp", now_s + LIFE_S));
}

/* Appends the signature of all that is in `to`, whose last byte is the dot: RSASSA-PSS with
 * SHA-256, a salt as long as the digest. */
static bool assertion_add_signature(struct buf *to, EVP_PKEY *key)
{
    unsigned char signature[SIGNATURE_MAX];
    size_t size = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    /* Owned by ctx. */
    EVP_PKEY_CTX *key_ctx = NULL;
    bool ok =
        EVP_PKEY_get_size(key) <= SIGNATURE_MAX &&
        EVP_DigestSignInit(ctx, &key_ctx, EVP_sha256(), NULL, key) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
        EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, RSA_PSS_SALTLEN_DIGEST) == 1 &&
        EVP_PKEY_CTX_set_rsa_mgf1_md(key_ctx, EVP_sha256()) == 1 &&
        EVP_DigestSign(ctx, signature, &size, (const unsigned char *)to->data, to->size - 1) == 1 &&
        base64url_add(to, signature, size);
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool identity_sign_assertion(const struct identity_params *params,
                             const struct identity_certificate *from, const char *audience,
                             struct buf *to, struct err *err)
{
    X509 *certificate = NULL;
    EVP_PKEY *key = assertion_read_key(from);
    bool ok = false;
    if (!key)
        err_set(err, ERR_CREDENTIALS, "",
                "the certificate file %s has no readable private key in PEM format; %s", from->path,
                from->password ? "check AZURE_CLIENT_CERTIFICATE_PASSWORD"
                               : "an encrypted key requires AZURE_CLIENT_CERTIFICATE_PASSWORD");
    else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        err_set(err, ERR_CREDENTIALS, "",
                "the key in the certificate file %s is not an RSA key, which Entra ID requires",
                from->path);
    else if (!(certificate = assertion_read_certificate(from->pem, key)))
        err_set(err, ERR_CREDENTIALS, "",
                "the certificate file %s has no certificate that belongs to its key", from->path);
    else if (!assertion_add_header(to, certificate) ||
             !assertion_add_claims(to, params, audience) || !assertion_add_signature(to, key))
        err_set(err, ERR_CREDENTIALS, "", "cannot sign with the key in the certificate file %s",
                from->path);
    else
        ok = true;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}
