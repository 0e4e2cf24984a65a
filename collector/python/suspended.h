/* suspended.h - one coroutine, generator or asynchronous generator that is suspended: where it stands,
 * and what it awaits there. */
#ifndef PAM_SUSPENDED_H
#define PAM_SUSPENDED_H

#include "python/place.h"
#include "python/types.h"

enum {
    PAM_LOOK_BYTES = 512,   /* an object with its frame, if that is in it, and first words of locals and stack */
    PAM_FRAME_END_BYTES = 192, /* without those words */
};

/* What is read of an object that is awaited, whatever it is. */
struct pam_look {
    unsigned char bytes[PAM_LOOK_BYTES];
    uint32_t size; /* of it that could be read */
};

struct pam_await {
    uint64_t object;
    enum pam_type_kind kind;
    uint64_t holder; /* of its frame: itself, or where frames are objects, that one */
    uint64_t code;
    struct pam_place place;   /* where in the code it stands */
    uint64_t argument;        /* the first of its function; 0: none, or not read */
    uint64_t top_at, awaited; /* the top of its stack, and where that stands; 0: it awaits nothing */
};

enum pam_await_state {
    PAM_AWAIT_SUSPENDED,
    PAM_AWAIT_NOT_STARTED,
    PAM_AWAIT_RUNS,
    PAM_AWAIT_GONE, /* it has ended, or is another one by now */
    PAM_AWAIT_UNREADABLE,
};

/* How much is read of an object at first; and what of a frame's place has its state. */
uint32_t pam_look_bytes(const struct pam_layout *layout);
uint32_t pam_frame_end(const struct pam_layout *layout);

/* Fills the rest of a link whose object, kind and place are known, from what was read of the place. */
enum pam_await_state pam_await_take(const struct pam_heap *heap, const struct pam_look *look,
                                    struct pam_await *link);

/* Does another copy of the place, pam_frame_end() of it, and of the top of its stack say the same? */
bool pam_await_is_same(const struct pam_layout *layout, const struct pam_await *link,
                       const unsigned char *place, uint64_t top);

#endif
