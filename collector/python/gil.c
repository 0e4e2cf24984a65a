/* gil.c - who holds the GIL, and whether garbage is being collected. */
#include "python/gil.h"

#include <pthread.h>
#include <string.h>

void pam_gil_find(struct pam_gil *gil, const struct pam_runtime *runtime, struct pam_remote *remote)
{
    const struct pam_layout *layout = runtime->layout;

    *gil = (struct pam_gil){
        .first = layout->free_threaded ? layout->gil_enabled : layout->gil_last_holder,
        .last_holder = layout->gil_last_holder,
        .locked = layout->gil_locked,
        .optional = layout->free_threaded,
        /* pycore_gil.h: two conditions and two mutexes, which are glibc's, so as large as here */
        .bytes = layout->gil_cond +
                 2 * (uint32_t)(sizeof(pthread_cond_t) + sizeof(pthread_mutex_t)),
        .collecting = layout->runtime_collecting ? runtime->runtime + layout->runtime_collecting
                                                 : runtime->interpreter + layout->interp_collecting,
        .stopper = layout->interp_stopper ? runtime->interpreter + layout->interp_stopper +
                                                2 * sizeof(pthread_mutex_t)
                                          : 0,
    };
    if (layout->gil_last_holder < gil->first || layout->gil_locked < layout->gil_last_holder + 8 ||
        layout->gil_locked - gil->first + sizeof(int) > PAM_GIL_COPY_BYTES)
        return; /* a struct of another order */
    if (layout->runtime_gil)
        gil->address = runtime->runtime + layout->runtime_gil;
    else if (pam_remote_read(remote, runtime->interpreter + layout->interp_gil, &gil->address,
                             sizeof gil->address) < 0 ||
             !pam_is_pointer(gil->address))
        gil->address = 0;
    if (gil->optional && gil->address) {
        uint32_t enabled = 1;

        (void)pam_remote_read(remote, gil->address + layout->gil_enabled, &enabled, sizeof enabled);
        gil->disabled = !enabled;
    }
    if (layout->interp_gil) /* the others may have their own, or share this one */
        gil->only_of = runtime->interpreter;
}

size_t pam_gil_pieces(const struct pam_gil *gil, struct pam_gil_copy *copy,
                      struct pam_piece pieces[PAM_GIL_PIECES])
{
    copy->gil_ok = copy->collecting_ok = copy->stopper_ok = false;
    if (!gil->address)
        return 0;
    pieces[0] = (struct pam_piece){
        .address = gil->address + gil->first,
        .into = copy->gil,
        .size = gil->locked - gil->first + (uint32_t)sizeof(int),
    };
    pieces[1] = (struct pam_piece){
        .address = gil->collecting, .into = copy->collecting, .size = sizeof copy->collecting};
    if (!gil->stopper)
        return PAM_GIL_PIECES - 1;
    pieces[2] = (struct pam_piece){
        .address = gil->stopper, .into = copy->stopper, .size = sizeof copy->stopper};
    return PAM_GIL_PIECES;
}

static bool is_running(const struct pam_gil_copy *copy)
{
    return copy->collecting_ok && pam_u32_at(copy->collecting, 0) == 1;
}

void pam_gil_take(struct pam_gil *gil, struct pam_gil_copy *copy, const struct pam_piece *pieces,
                  size_t count)
{
    copy->gil_ok = count > 0 && pieces[0].ok;
    copy->collecting_ok = count > 1 && pieces[1].ok;
    copy->stopper_ok = count > 2 && pieces[2].ok;
    if (copy->gil_ok && gil->optional)
        gil->disabled = !pam_u32_at(copy->gil, 0);
    if (!is_running(copy))
        gil->collector = 0;
    else if (copy->stopper_ok && pam_u64_at(copy->stopper, 0))
        gil->collector = pam_u64_at(copy->stopper, 0);
    copy->collector = gil->collector;
}

enum pam_gil_state pam_gil_state(const struct pam_gil *gil, const struct pam_gil_copy *copy,
                                 uint64_t interpreter, uint64_t tstate)
{
    if (!copy->gil_ok || (gil->only_of && gil->only_of != interpreter))
        return PAM_GIL_UNKNOWN;
    if (gil->optional && !pam_u32_at(copy->gil, 0))
        return PAM_GIL_FREE;
    if (pam_u32_at(copy->gil, gil->locked - gil->first) != 1) /* -1: not yet made */
        return PAM_GIL_FREE;
    return pam_u64_at(copy->gil, gil->last_holder - gil->first) == tstate ? PAM_GIL_HELD : PAM_GIL_OTHERS;
}

bool pam_gil_collecting(const struct pam_gil_copy *copy, enum pam_gil_state state, uint64_t tstate)
{
    return is_running(copy) && (state == PAM_GIL_HELD || copy->collector == tstate);
}

bool pam_gil_has_futex(const struct pam_gil *gil, uint64_t address)
{
    return gil->address && address >= gil->address && address - gil->address < gil->bytes;
}
