/* tries.c - of several tries to read a stack, the one that counts. */
#include "python/tries.h"

static const struct pam_raw_frame *from_root(const struct pam_try *now, uint32_t i)
{
    return &now->chain.frames[now->chain.depth - 1 - i];
}

bool pam_tries_agree(const struct pam_tries *tries, const struct pam_try *now)
{
    const uint32_t count = now->kept < tries->first_count ? now->kept : tries->first_count;

    for (uint32_t i = 0; i < count; i++) {
        const struct pam_raw_frame *const then = &tries->first[i], *const frame = from_root(now, i);
        const bool was_calling = i + 1 < tries->first_count || tries->first_held;

        if (frame->address != then->address || frame->code != then->code ||
            (was_calling && !pam_same_place(frame->place, then->place)))
            return false;
    }
    return count == tries->first_count || !pam_try_is_whole(now);
}

static void swap(struct pam_try *a, struct pam_try *b)
{
    const struct pam_try c = *a;

    *a = *b;
    *b = c;
}

void pam_tries_keep(struct pam_tries *tries, struct pam_try *now)
{
    if (!tries->first_count) {
        for (uint32_t i = 0; i < now->kept; i++)
            tries->first[i] = *from_root(now, i);
        tries->first_count = now->kept;
        tries->first_held = now->held;
    }
    if (now->kept > tries->best.kept)
        swap(now, &tries->best);
}

void pam_tries_settle(struct pam_tries *tries, struct pam_try *now)
{
    if (!pam_tries_agree(tries, now) || (!pam_try_is_whole(now) && tries->best.kept > now->kept))
        swap(now, &tries->best);
}
