/* native_ids.c - the kernel's thread ids of thread states that do not tell them: CPython 3.8 to 3.10. */
#include "python/native_ids.h"

#include <string.h>

enum {
    PTHREAD_BYTES = 2048,  /* looked at; glibc has the id at 720 (x86-64) or 208 (arm64), musl at 48 */
    PART_BYTES = 128,      /* read as one */
    LEARN_THREADS = 64,    /* as many tell enough */
    AT_ONCE = 256,         /* ids fetched by one call */
    MAX_PID = 1 << 22,     /* PID_MAX_LIMIT of the kernel */
};

static bool is_thread(const struct pam_own_threads *own, uint64_t id)
{
    return id > 0 && id <= MAX_PID && own->has((pid_t)id, own->context);
}

/* Could the thread ids stand at `at` in each of these? All differ, and all are threads of the process;
 * one alone has to be the main thread. */
static bool is_place(const struct pam_own_threads *own, unsigned char (*threads)[PTHREAD_BYTES],
                     size_t count, size_t at)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t id = pam_u32_at(threads[i], at);

        if (!is_thread(own, id) || (count == 1 && id != (uint32_t)own->main))
            return false;
        for (size_t k = 0; k < i; k++)
            if (pam_u32_at(threads[k], at) == id)
                return false;
    }
    return count > 0;
}

/* Thread states are listed newest first; one with the ident of an older one is only starting. */
static bool is_first(const struct pam_tstate *states, size_t count, size_t i)
{
    for (size_t k = i + 1; k < count; k++)
        if (states[k].ident == states[i].ident)
            return false;
    return pam_is_pointer(states[i].ident);
}

/* What follows a short struct pthread need not be readable. */
static bool copy_thread(struct pam_remote *remote, uint64_t address,
                        unsigned char copy[PTHREAD_BYTES])
{
    struct pam_piece pieces[PTHREAD_BYTES / PART_BYTES];
    const size_t count = sizeof pieces / sizeof *pieces;

    memset(copy, 0, PTHREAD_BYTES);
    for (size_t i = 0; i < count; i++)
        pieces[i] = (struct pam_piece){.address = address + i * PART_BYTES,
                                       .into = copy + i * PART_BYTES, .size = PART_BYTES};
    return pam_remote_readv(remote, pieces, count) == 0 && pieces[0].ok;
}

static void learn_place(struct pam_native_ids *ids, struct pam_remote *remote,
                        const struct pam_own_threads *own, const struct pam_tstate *states,
                        size_t count)
{
    static unsigned char threads[LEARN_THREADS][PTHREAD_BYTES]; /* the sampling thread's alone */
    size_t copied = 0;

    for (size_t i = count; i > 0 && copied < LEARN_THREADS; i--)
        copied += is_first(states, count, i - 1) &&
                  copy_thread(remote, states[i - 1].ident, threads[copied]);
    ids->place_plus1 = 0;
    for (uint32_t at = 0; at < PTHREAD_BYTES && !ids->place_plus1; at += 4)
        if (is_place(own, threads, copied, at))
            ids->place_plus1 = at + 1;
}

static void take_some(const struct pam_native_ids *ids, struct pam_remote *remote,
                      struct pam_tstate *states, size_t count)
{
    struct pam_piece pieces[AT_ONCE];
    uint32_t taken[AT_ONCE];

    for (size_t i = 0; i < count; i++)
        pieces[i] = (struct pam_piece){.address = states[i].ident + ids->place_plus1 - 1,
                                       .into = &taken[i], .size = sizeof taken[i]};
    if (pam_remote_readv(remote, pieces, count) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        states[i].tid = pieces[i].ok && taken[i] <= MAX_PID ? (pid_t)taken[i] : 0;
}

/* Takes the ids from where they stand, if that is known. */
static void take_all(const struct pam_native_ids *ids, struct pam_remote *remote,
                     struct pam_tstate *states, size_t count)
{
    for (size_t from = 0; ids->place_plus1 && from < count; from += AT_ONCE)
        take_some(ids, remote, states + from, count - from < AT_ONCE ? count - from : AT_ONCE);
}

/* Drops ids that are none of the process. True when each state has one; `others`: how many of them are
 * not of the main thread. */
static bool check(const struct pam_own_threads *own, struct pam_tstate *states, size_t count,
                  size_t *others)
{
    bool complete = true;

    *others = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_thread(own, (uint64_t)states[i].tid))
            states[i].tid = 0;
        *others += states[i].tid && states[i].tid != own->main;
        complete &= states[i].tid != 0;
    }
    return complete;
}

/* What threading says, for those that have none yet. */
struct search {
    const struct pam_heap *heap;
    const struct pam_own_threads *own;
    struct pam_tstate *states;
    size_t count;
};

static bool take_told(uint64_t interpreter, uint64_t ident, uint64_t thread, void *context)
{
    const struct search *search = context;
    uint64_t told;

    (void)interpreter; /* a thread has the same ident in each */
    for (size_t i = 0; i < search->count; i++)
        if (search->states[i].ident == ident && !search->states[i].tid &&
            pam_read_int(search->heap, pam_instance_get(search->heap, thread, "_native_id"), &told) &&
            is_thread(search->own, told))
            search->states[i].tid = (pid_t)told;
    return true;
}

void pam_native_ids_fill(struct pam_native_ids *ids, struct pam_remote *remote,
                         const struct pam_runtime *runtime, const struct pam_own_threads *own,
                         struct pam_tstate *states, size_t count)
{
    struct search search = {&ids->names.heap, own, states, count};
    bool complete;
    size_t others;

    if (!ids->confirmed)
        learn_place(ids, remote, own, states, count);
    take_all(ids, remote, states, count);
    if (ids->confirmed)
        return;
    complete = check(own, states, count, &others);
    ids->confirmed = ids->place_plus1 && others;
    if (complete)
        return;
    ids->names.heap = (struct pam_heap){remote, runtime->layout};
    ids->names.runtime = runtime;
    pam_threading_each(&ids->names, take_told, &search);
}
