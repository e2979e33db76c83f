/* Compiler attributes used in our headers, by plain names. */
#ifndef HGAUTOD_LIB_BASE_ATTR_H
#define HGAUTOD_LIB_BASE_ATTR_H

/* The caller must look at the result: it says whether the function succeeded. */
#define MUST_CHECK __attribute__((warn_unused_result))
/* Argument `f` is a printf format for the arguments from `a` on. */
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

#endif
