/* The signed statement by which a certificate's owner proves himself: a JWT under PS256.
 * Source: Microsoft identity platform, "Application authentication with certificate credentials";
 * RFC 7515, RFC 7518. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "lib/azure/auth/identity_link.h"
#include "lib/base/crypto.h"
#include "lib/json/jpath.h"

#define LIFE_S   600
#define JSON_MAX 8192

/* What OpenSSL asks for when the key is encrypted; without a password it gives up, and asks no
 * terminal. */
static int give_password(char *to, int size, int writing, void *ctx)
{
    const char *password = ctx;
    size_t n = password ? strlen(password) : 0;
    (void)writing;
    if (n == 0 || size < 0 || n > (size_t)size)
        return -1;
    memcpy(to, password, n);
    return (int)n;
}

static EVP_PKEY *read_key(const struct buf *pem, const char *password)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->size);
    EVP_PKEY *key =
        bio ? PEM_read_bio_PrivateKey(bio, NULL, give_password, (void *)password) : NULL;
    BIO_free(bio);
    return key;
}

/* The file may hold a chain: the certificate that belongs to the key. */
static X509 *read_certificate(const struct buf *pem, EVP_PKEY *key)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->size);
    X509 *found = NULL;
    while (bio && !found) {
        X509 *one = PEM_read_bio_X509(bio, NULL, give_password, NULL);
        if (!one)
            break;
        if (X509_check_private_key(one, key) == 1)
            found = one;
        else
            X509_free(one);
    }
    BIO_free(bio);
    return found;
}

/* Appends the base64url of a JSON text and ends it by a dot. */
static bool add_part(struct buf *to, const struct buf *json)
{
    return buf_ok(json) && base64url_add(to, json->data, json->size) && buf_addc(to, '.');
}

static bool add_header(struct buf *to, const X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct buf json = buf_make(JSON_MAX);
    bool ok = X509_digest(certificate, EVP_sha256(), digest, &size) == 1 &&
              buf_adds(&json, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"") &&
              base64url_add(&json, digest, size) && buf_adds(&json, "\"}") && add_part(to, &json);
    buf_free(&json);
    return ok;
}

static bool add_claims(struct buf *to, const char *client_id, const char *audience,
                       const struct clock *clock)
{
    char id[37];
    struct buf json = buf_make(JSON_MAX);
    long long now = (long long)(clock->wall_ms(clock) / 1000);
    clock_uuid(clock, id);
    buf_adds(&json, "{\"aud\":");
    jquote(&json, audience, strlen(audience));
    buf_adds(&json, ",\"iss\":");
    jquote(&json, client_id, strlen(client_id));
    buf_adds(&json, ",\"sub\":");
    jquote(&json, client_id, strlen(client_id));
    buf_addf(&json, ",\"jti\":\"%s\",\"nbf\":%lld,\"iat\":%lld,\"exp\":%lld}", id, now, now,
             now + LIFE_S);
    bool ok = add_part(to, &json);
    buf_free(&json);
    return ok;
}

/* Signs the text: RSASSA-PSS with SHA-256, a salt as long as the digest. */
static bool sign(EVP_PKEY *key, const char *text, size_t n, unsigned char *to, size_t *size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *of_key = NULL; /* ctx's */
    bool ok = ctx && EVP_DigestSignInit(ctx, &of_key, EVP_sha256(), NULL, key) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(of_key, RSA_PKCS1_PSS_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(of_key, RSA_PSS_SALTLEN_DIGEST) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(of_key, EVP_sha256()) == 1 &&
              EVP_DigestSign(ctx, to, size, (const unsigned char *)text, n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* Appends the signature of all that is in `to`, whose last byte is the dot. */
static bool add_signature(struct buf *to, EVP_PKEY *key)
{
    unsigned char signature[2048]; /* of keys up to 16,384 bits */
    size_t size = sizeof(signature);
    size_t n = to->size - 1;
    return EVP_PKEY_get_size(key) <= (int)sizeof(signature) &&
           sign(key, to->data, n, signature, &size) && base64url_add(to, signature, size);
}

static bool build(EVP_PKEY *key, const X509 *certificate, const char *client_id,
                  const char *audience, const struct clock *clock, struct buf *to)
{
    return add_header(to, certificate) && add_claims(to, client_id, audience, clock) &&
           add_signature(to, key);
}

bool identity_assertion(const struct buf *pem, const char *path, const char *password,
                        const char *client_id, const char *audience, const struct clock *clock,
                        struct buf *to, struct err *err)
{
    X509 *certificate = NULL;
    EVP_PKEY *key = pem->size > 0 ? read_key(pem, password) : NULL;
    bool ok = false;
    if (!key) {
        err_set(err, ERR_CREDENTIALS, "",
                "the certificate file %s has no private key in PEM that can be read%s", path,
                password ? " with AZURE_CLIENT_CERTIFICATE_PASSWORD"
                         : "; an encrypted one needs AZURE_CLIENT_CERTIFICATE_PASSWORD");
    } else if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        err_set(err, ERR_CREDENTIALS, "",
                "the key in the certificate file %s is no RSA key, and Entra ID takes no other",
                path);
    } else if (!(certificate = read_certificate(pem, key))) {
        err_set(err, ERR_CREDENTIALS, "",
                "the certificate file %s has no certificate that belongs to its key", path);
    } else if (!build(key, certificate, client_id, audience, clock, to)) {
        err_set(err, ERR_CREDENTIALS, "", "nothing can be signed with the key in %s", path);
    } else {
        ok = true;
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}
