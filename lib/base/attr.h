/* Compiler attributes used in our headers, by plain names. */
#ifndef HGAUTOD_LIB_BASE_ATTR_H
#define HGAUTOD_LIB_BASE_ATTR_H

/* The result must be used. */
#define MUST_CHECK __attribute__((warn_unused_result))
/* Parameter `f` is a printf format for the arguments from number `a` on. */
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
/* The function does not return NULL. */
#define NEVER_NULL __attribute__((returns_nonnull))

#endif
