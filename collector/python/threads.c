/* threads.c - the interpreters' thread states, and the names threading gave to threads. */
#include "python/threads.h"

enum {
    TSTATE_COPY_BYTES = 512,
    LONGEST_LIST = 1 << 17, /* kernel.threads-max of a large machine */
    MOST_INTERPRETERS = 1 << 12,
    MAX_NAME_CALLS = 1 << 17, /* a name is about ten reads away: those of 13,000 threads */
};

/* Where a thread state points to a C frame, it has one of its own for when no Python runs. */
static bool is_idle(const struct pam_layout *layout, uint64_t address, const unsigned char *state)
{
    if (!layout->tstate_cframe)
        return !pam_u64_at(state, layout->tstate_current);
    return pam_u64_at(state, layout->tstate_cframe) - address < TSTATE_COPY_BYTES;
}

const char *pam_listing_text(enum pam_listing listing)
{
    static const char *const texts[] = {
        [PAM_LIST_UNREADABLE] = "cannot be read",
        [PAM_LIST_BROKEN] = "leads to what is no thread",
        [PAM_LIST_ENDLESS] = "goes round in a circle",
    };

    return texts[listing];
}

/* The thread states of one interpreter behind those that are listed already. */
static enum pam_listing list_threads(struct pam_remote *remote, const struct pam_layout *layout,
                                     uint64_t interpreter, struct pam_tstate *states, size_t room, size_t *count)
{
    uint64_t address, passed = 0;
    size_t length = 0, next_pass = 1;

    if (pam_remote_read(remote, interpreter + layout->interp_threads_head, &address, sizeof address) < 0)
        return PAM_LIST_UNREADABLE;
    while (address && *count < LONGEST_LIST) {
        unsigned char state[TSTATE_COPY_BYTES];

        if (address == passed)
            return PAM_LIST_ENDLESS;
        if (!pam_is_pointer(address))
            return PAM_LIST_BROKEN;
        if (pam_remote_read(remote, address, state, layout->tstate_bytes) < 0)
            return PAM_LIST_UNREADABLE;
        if (pam_u64_at(state, layout->tstate_interp) != interpreter)
            return PAM_LIST_BROKEN;
        if (++length == next_pass) { /* who meets it again goes round in a circle (Brent) */
            passed = address;
            next_pass *= 2;
        }
        states[*count < room ? *count : room - 1] = (struct pam_tstate){
            .address = address,
            .interpreter = interpreter,
            .unique_id = pam_u64_at(state, layout->tstate_unique_id),
            .ident = pam_u64_at(state, layout->tstate_ident),
            .tid = layout->tstate_native_id ? (pid_t)pam_u64_at(state, layout->tstate_native_id)
                                            : 0,
            .is_idle = is_idle(layout, address, state),
        };
        (*count)++;
        address = pam_u64_at(state, layout->tstate_next);
    }
    return PAM_LISTED;
}

/* The main interpreter is the oldest; when there are more than can be listed it still is the last one. */
static enum pam_listing list_interpreters(struct pam_remote *remote, struct pam_runtime *runtime)
{
    const struct pam_layout *layout = runtime->layout;
    uint64_t address;
    size_t count = 0;

    if (pam_remote_read(remote, runtime->runtime + layout->runtime_interpreters, &address,
                        sizeof address) < 0)
        return PAM_LIST_UNREADABLE;
    runtime->interpreters_left_out = 0;
    for (size_t i = 0; address && address != runtime->interpreter; i++) {
        if (count < PAM_MAX_INTERPRETERS - 1)
            runtime->interpreters[count++] = address;
        else
            runtime->interpreters_left_out++;
        if (i == MOST_INTERPRETERS)
            return PAM_LIST_ENDLESS;
        if (!pam_is_pointer(address))
            return PAM_LIST_BROKEN;
        if (pam_remote_read(remote, address + layout->interp_next, &address, sizeof address) < 0)
            return PAM_LIST_UNREADABLE;
    }
    runtime->interpreters[count] = runtime->interpreter;
    runtime->interpreter_count = count + 1;
    return PAM_LISTED;
}

enum pam_listing pam_tstates_list(struct pam_remote *remote, struct pam_runtime *runtime,
                                  struct pam_tstate *states, size_t room, size_t *count)
{
    enum pam_listing listing = list_interpreters(remote, runtime);

    *count = 0;
    for (size_t i = 0; listing == PAM_LISTED && i < runtime->interpreter_count; i++)
        listing = list_threads(remote, runtime->layout, runtime->interpreters[i], states, room, count);
    return listing;
}

struct visit_active {
    const struct pam_heap *heap;
    uint64_t interpreter;
    pam_visit_thread *visit;
    void *context;
};

static bool visit_entry(uint64_t key, uint64_t value, void *context)
{
    const struct visit_active *active = context;
    uint64_t ident;

    return !pam_read_int(active->heap, key, &ident) ||
           active->visit(active->interpreter, ident, value, active->context);
}

/* threading never rebinds its _active. */
static uint64_t find_active(const struct pam_thread_names *names, uint64_t interpreter)
{
    return pam_module_get(&names->heap, interpreter, "threading", "_active");
}

void pam_threading_each(struct pam_thread_names *names, pam_visit_thread *visit, void *context)
{
    const struct pam_runtime *runtime = names->runtime;
    struct visit_active active = {&names->heap, runtime->interpreter, visit, context};

    pam_remote_allow(names->heap.remote, MAX_NAME_CALLS);
    if (!names->active)
        names->active = find_active(names, runtime->interpreter);
    if (names->active && !pam_each_entry(&names->heap, names->active, visit_entry, &active))
        names->active = 0; /* not a dict after all: look it up again */
    for (size_t i = 0; i + 1 < runtime->interpreter_count; i++) {
        active.interpreter = runtime->interpreters[i];
        (void)pam_each_entry(&names->heap, find_active(names, active.interpreter), visit_entry, &active);
    }
    pam_remote_allow(names->heap.remote, 0);
}

struct visit_names {
    const struct pam_heap *heap;
    pam_visit_name *visit;
    void *context;
};

static bool visit_thread(uint64_t interpreter, uint64_t ident, uint64_t thread, void *context)
{
    const struct visit_names *names = context;
    struct pam_thread_name name = {.interpreter = interpreter, .ident = ident};
    char text[PAM_THREAD_NAME_BYTES];
    size_t size;

    if (!pam_read_str(names->heap, pam_instance_get(names->heap, thread, "_name"), text, sizeof text,
                      &size))
        return true;
    name.text = (struct pam_bytes){(unsigned char *)text, size};
    return names->visit(&name, names->context);
}

void pam_thread_names_each(struct pam_thread_names *names, pam_visit_name *visit, void *context)
{
    struct visit_names visit_names = {&names->heap, visit, context};

    pam_threading_each(names, visit_thread, &visit_names);
}
