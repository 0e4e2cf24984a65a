/* states.c - which of the interpreters' thread states is whose: a thread may have several. */
#include "threads.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { MOST_STARTING_SCANS = 50 }; /* in a row; it takes a thread microseconds to become known */

static void become_python(struct pam_thread_entry *entry, const struct pam_tstate *state,
                          const struct pam_layout *layout)
{
    if (!entry->has_python) {
        entry->announced = false;
        pam_py_thread_done(&entry->py);
    }
    pam_py_thread_set(&entry->py, layout, state);
    entry->has_python = entry->seen = true;
    entry->place = &entry->py.inner;
}

/* The outermost interpreter's state is the thread's own; where it entered others, its stack goes on. */
static void take_state(struct pam_thread_entry *entry, const struct pam_tstate *state,
                       const struct pam_layout *layout)
{
    if (!entry->seen)
        become_python(entry, state, layout);
    else if (entry->place)
        entry->place = pam_inner_thread(entry->place, layout, state);
}

/* The newest state of a thread that has several in an interpreter. But until a thread of CPython 3.11
 * starts, its state has the id of its creator, whose own is older and in use (3.11: Python/pystate.c,
 * init_threadstate()). Those that do not count lose their id. */
static void choose_state(struct pam_threads *threads, struct pam_thread_entry *entry,
                         struct pam_tstate *states, size_t i)
{
    if (entry->seen_in != states[i].interpreter) {
        entry->seen_in = states[i].interpreter;
        entry->chosen = i;
        return;
    }
    threads->unsettled = true;
    if (!states[entry->chosen].is_idle || states[i].is_idle) {
        states[i].tid = 0;
        return;
    }
    states[entry->chosen].tid = 0;
    entry->chosen = i;
}

static bool is_own_thread(pid_t own_tid, void *context)
{
    const struct pam_threads *threads = context;
    char path[32];

    for (size_t i = 0; i < threads->count; i++)
        if (threads->entries[i]->own_tid == own_tid)
            return true;
    (void)snprintf(path, sizeof path, "task/%d", (int)own_tid);
    return !threads->has_own_ids && faccessat(threads->proc_fd, path, F_OK, 0) == 0;
}

/* One whose kernel id could not be had is known by its state. */
static pid_t unmatched_id(struct pam_threads *threads, const struct pam_tstate *state)
{
    const struct pam_thread_entry *added;

    for (size_t i = 0; i < threads->count; i++) {
        const struct pam_thread_entry *entry = threads->entries[i];

        if (entry->tid < 0 && entry->py.tstate == state->address &&
            entry->py.unique_id == state->unique_id)
            return entry->tid;
    }
    added = pam_threads_add(threads, threads->table->unmatched - 1);
    if (added)
        threads->table->unmatched--;
    return added ? added->tid : 0;
}

/* Waits for threads that may be starting, up to the state with this id, but not for ever. */
static void wait_for(struct pam_threads *threads, uint64_t newest_id)
{
    if (!newest_id) {
        threads->starting_scans = 0;
    } else if (++threads->starting_scans == MOST_STARTING_SCANS) {
        threads->starting_scans = 0;
        threads->settled_id = newest_id + 1;
    }
}

/* Before 3.11 a thread state does not tell the kernel's id of its thread. One that starts has at first the
 * ident of its parent, whose state is older: PyThreadState_New() sets it, and t_bootstrap() corrects it.
 * One that keeps it was made by C code for another thread, which is not known. */
static void find_ids(struct pam_threads *threads, struct pam_remote *remote,
                     const struct pam_runtime *runtime, size_t count)
{
    const struct pam_thread_entry *main = pam_threads_find(threads->table, threads->pid);
    const struct pam_own_threads own = {main ? main->own_tid : threads->pid, is_own_thread, threads};
    struct pam_tstate *const states = threads->table->states;
    uint64_t starting = 0;

    pam_native_ids_fill(&threads->native_ids, remote, runtime, &own, states, count);
    for (size_t i = count; i-- > 0;) { /* from the oldest on */
        struct pam_tstate *state = &states[i];
        struct pam_thread_entry *entry = state->tid ? pam_threads_known_as(threads, state->tid) : NULL;

        if (entry && entry->seen_in != state->interpreter) {
            entry->seen_in = state->interpreter;
            continue;
        }
        if (state->tid && !entry)
            continue; /* gone */
        state->tid = 0;
        if (state->unique_id >= threads->settled_id)
            starting = state->unique_id;
        else
            state->tid = unmatched_id(threads, state);
    }
    wait_for(threads, starting);
}

static void forget_seen(struct pam_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++) {
        threads->entries[i]->seen = false;
        threads->entries[i]->seen_in = 0;
    }
}

enum pam_listing pam_threads_scan_python(struct pam_threads *threads, struct pam_remote *remote,
                                         struct pam_runtime *runtime)
{
    struct pam_tstate *const states = threads->table->states;
    size_t count;
    const enum pam_listing listing = pam_tstates_list(remote, runtime, states, PAM_MAX_PY_THREADS, &count);

    if (listing != PAM_LISTED)
        return listing;
    threads->left_out = runtime->interpreters_left_out; /* with a thread each, or more */
    threads->unsettled = false;
    if (count > PAM_MAX_PY_THREADS) {
        threads->left_out += count - PAM_MAX_PY_THREADS;
        count = PAM_MAX_PY_THREADS;
    }
    if (threads->has_own_ids) /* only the kernel's list tells which is which */
        (void)pam_threads_see_tasks(threads);
    forget_seen(threads);
    if (!runtime->layout->tstate_native_id) {
        find_ids(threads, remote, runtime, count);
        forget_seen(threads);
    }
    for (size_t i = 0; i < count; i++) {
        /* A thread without an id is starting. */
        struct pam_thread_entry *entry = states[i].tid ? pam_threads_known_as(threads, states[i].tid) : NULL;

        threads->unsettled |= !states[i].tid;
        if (entry)
            choose_state(threads, entry, states, i);
        else
            states[i].tid = 0;
    }
    for (size_t i = count; i-- > 0;) /* from the oldest interpreter on */
        if (states[i].tid)
            take_state(pam_threads_known_as(threads, states[i].tid), &states[i], runtime->layout);
    for (size_t i = 0; i < threads->count; i++) {
        struct pam_thread_entry *entry = threads->entries[i];

        if (entry->seen && entry->place)
            pam_inner_end(entry->place);
        entry->has_python &= entry->seen;
    }
    threads->first_scan_done = true;
    return PAM_LISTED;
}
