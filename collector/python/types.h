/* types.h - types of the target, read once, known by their address: what an object is. */
#ifndef PAM_TYPES_H
#define PAM_TYPES_H

#include "python/objects.h"

enum {
    PAM_TYPE_NAME_BYTES = 128,
    PAM_TYPES = 256, /* remembered; a power of two */
};

/* What is done with an object, by the name of its type. */
enum pam_type_kind {
    PAM_TYPE_OTHER,
    PAM_TYPE_STR,
    PAM_TYPE_INT,
    PAM_TYPE_LIST,
    PAM_TYPE_SET,
    PAM_TYPE_FRAME,           /* an object of its own before 3.11 */
    PAM_TYPE_FUNCTION,
    PAM_TYPE_METHOD,          /* a function bound to an object */
    PAM_TYPE_FUTURE,          /* _asyncio.Future itself */
    PAM_TYPE_TASK,            /* _asyncio.Task or a type made of it */
    PAM_TYPE_COROUTINE,       /* it suspends only where it awaits */
    PAM_TYPE_GENERATOR,
    PAM_TYPE_ASYNC_GENERATOR,
    PAM_TYPE_WRAPPER,         /* what its first field points to is what is awaited */
    PAM_TYPE_GATHERING,       /* the future of asyncio.gather() */
};

struct pam_type {
    uint64_t address;
    enum pam_type_kind kind;
    char name[PAM_TYPE_NAME_BYTES];
};

struct pam_types {
    struct pam_type slots[PAM_TYPES];
};

/* Types may go, and their addresses be given to others: forgets all. */
void pam_types_forget(struct pam_types *types);

/* NULL when there is no type at that address. Holds until the next call. */
const struct pam_type *pam_type_get(struct pam_types *types, const struct pam_heap *heap,
                                    uint64_t address);

#endif
