/* wake.h - a sleep until some time that another thread may end at any moment.
 *
 * A futex: what wakes a sampler 100 times a second should be the cheapest there is, and poll() with an
 * eventfd costs a tenth of an idle tick. futex(2). A tick that comes late is one of another place than chance has
 * chosen, and where the delays depend on what the target does it is seen too often there. */
#ifndef PAM_WAKE_H
#define PAM_WAKE_H

#include <stdatomic.h>
#include <stdint.h>

struct pam_wake {
    atomic_uint calls; /* how often it was called; the futex */
    unsigned heard;    /* of those, by the sleeper */
};

/* Ends the sleep, or the next one: no call is lost. From any thread. */
void pam_wake_call(struct pam_wake *wake);

/* Sleeps until `until_ns` of CLOCK_MONOTONIC, or until a call that was not heard yet. One thread only;
 * may also return early, as for a signal. */
void pam_wake_sleep(struct pam_wake *wake, uint64_t until_ns);

/* Has the calling thread woken when its sleeps are due, as far as the kernel and the user's rights let it. */
void pam_wake_promptly(void);

#endif
