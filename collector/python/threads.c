/* threads.c - the thread states of the interpreter, and the names threading gave to threads. */
#include "python/threads.h"

enum { TSTATE_COPY_BYTES = 512 };

bool pam_tstates_list(struct pam_remote *remote, const struct pam_runtime *runtime,
                      struct pam_tstate *states, size_t room, size_t *count)
{
    enum { LONGEST_LIST = 1 << 17 }; /* kernel.threads-max of a large machine */
    const struct pam_layout *layout = runtime->layout;
    uint64_t address;

    *count = 0;
    if (pam_remote_read(remote, runtime->interpreter + layout->interp_threads_head, &address,
                        sizeof address) < 0)
        return false;
    while (address) {
        unsigned char state[TSTATE_COPY_BYTES];

        if (!pam_is_pointer(address) || *count == LONGEST_LIST ||
            pam_remote_read(remote, address, state, layout->tstate_bytes) < 0 ||
            pam_u64_at(state, layout->tstate_interp) != runtime->interpreter)
            return false;
        if (*count < room)
            states[*count] = (struct pam_tstate){
                .address = address,
                .unique_id = pam_u64_at(state, layout->tstate_unique_id),
                .ident = pam_u64_at(state, layout->tstate_ident),
                .tid = (pid_t)pam_u64_at(state, layout->tstate_native_id),
            };
        (*count)++;
        address = pam_u64_at(state, layout->tstate_next);
    }
    return true;
}

/* sys.modules["threading"].__dict__["_active"]; threading never rebinds it. */
static uint64_t find_active(const struct pam_thread_names *names)
{
    const struct pam_layout *layout = names->heap.layout;
    uint64_t modules = 0, module, dict = 0;

    if (pam_remote_read(names->heap.remote, names->interpreter + layout->interp_modules, &modules,
                        sizeof modules) < 0)
        return 0;
    module = pam_dict_get(&names->heap, modules, "threading");
    if (!module ||
        pam_remote_read(names->heap.remote, module + layout->module_dict, &dict, sizeof dict) < 0)
        return 0;
    return pam_dict_get(&names->heap, dict, "_active");
}

struct visit_active {
    const struct pam_heap *heap;
    pam_visit_name *visit;
    void *context;
};

static bool visit_thread(uint64_t key, uint64_t value, void *context)
{
    const struct visit_active *active = context;
    char name[PAM_THREAD_NAME_BYTES];
    uint64_t ident;
    size_t size;

    if (!pam_read_int(active->heap, key, &ident) ||
        !pam_read_str(active->heap, pam_instance_get(active->heap, value, "_name"), name,
                      sizeof name, &size))
        return true;
    return active->visit(ident, (struct pam_bytes){(unsigned char *)name, size}, active->context);
}

void pam_thread_names_each(struct pam_thread_names *names, pam_visit_name *visit, void *context)
{
    struct visit_active active = {&names->heap, visit, context};

    if (!names->active)
        names->active = find_active(names);
    if (names->active && !pam_each_entry(&names->heap, names->active, visit_thread, &active))
        names->active = 0; /* not a dict after all: look it up again */
}
