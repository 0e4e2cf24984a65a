/* threads.c - the target's threads: who is there, what is known of each, what was recorded of it. */
#include "threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfile.h"

int pam_threads_init(struct pam_threads *threads, const struct pam_activity *activity,
                     void *activity_state, pid_t pid, int proc_fd, struct pam_error *error)
{
    memset(threads, 0, sizeof *threads);
    threads->activity = activity;
    threads->activity_state = activity_state;
    threads->pid = pid;
    threads->proc_fd = proc_fd;
    threads->states = calloc(PAM_MAX_PY_THREADS, sizeof *threads->states);
    return threads->states ? 0 : pam_fail(error, PAM_MEMORY, "not enough memory to list threads");
}

static size_t slot_of(const struct pam_threads *threads, pid_t tid)
{
    size_t at = (uint32_t)tid % PAM_THREAD_SLOTS; /* neighbours are born together and run together */

    while (threads->slots[at] && threads->slots[at]->tid != tid)
        at = (at + 1) % PAM_THREAD_SLOTS;
    return at;
}

/* Taking one out of an open-addressing table: what comes behind it moves up. */
static void clear_slot(struct pam_threads *threads, pid_t tid)
{
    size_t at = slot_of(threads, tid);

    threads->slots[at] = NULL;
    for (at = (at + 1) % PAM_THREAD_SLOTS; threads->slots[at]; at = (at + 1) % PAM_THREAD_SLOTS) {
        struct pam_thread_entry *moved = threads->slots[at];

        threads->slots[at] = NULL;
        threads->slots[slot_of(threads, moved->tid)] = moved;
    }
}

struct pam_thread_entry *pam_threads_find(struct pam_threads *threads, pid_t tid)
{
    return threads->slots[slot_of(threads, tid)];
}

size_t pam_threads_python(const struct pam_threads *threads)
{
    size_t count = 0;

    for (size_t i = 0; i < threads->count; i++)
        count += threads->entries[i]->has_python;
    return count;
}

static void free_entry(struct pam_threads *threads, struct pam_thread_entry *entry)
{
    clear_slot(threads, entry->tid);
    threads->activity->unwatch(threads->activity_state, &entry->watch);
    pam_py_thread_done(&entry->py);
    free(entry->name);
    free(entry);
}

void pam_threads_done(struct pam_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++)
        free_entry(threads, threads->entries[i]);
    free(threads->entries);
    free(threads->states);
    if (threads->activity)
        threads->activity->stop(threads->activity_state);
    memset(threads, 0, sizeof *threads);
}

/* A thread that cannot be watched any more is gone, which the next look finds. */
void pam_threads_change_source(struct pam_threads *threads, const struct pam_activity *activity,
                               void *activity_state)
{
    for (size_t i = 0; i < threads->count; i++)
        threads->activity->unwatch(threads->activity_state, &threads->entries[i]->watch);
    threads->activity->stop(threads->activity_state);
    threads->activity = activity;
    threads->activity_state = activity_state;
    for (size_t i = 0; i < threads->count; i++) {
        struct pam_watch *watch = &threads->entries[i]->watch;

        *watch = (struct pam_watch){.tid = watch->tid, .fd = -1, .total = watch->total};
        (void)activity->watch(activity_state, watch, threads->proc_fd, false);
    }
}

static bool make_room(struct pam_threads *threads)
{
    const size_t room = threads->room ? 2 * threads->room : 64;
    struct pam_thread_entry **grown;

    if (threads->count < threads->room)
        return true;
    grown = realloc(threads->entries, room * sizeof *grown);
    if (!grown)
        return false;
    threads->entries = grown;
    threads->room = room;
    return true;
}

static void read_comm(struct pam_threads *threads, struct pam_thread_entry *entry)
{
    char path[48];

    (void)snprintf(path, sizeof path, "task/%d/comm", (int)entry->tid);
    (void)pam_read_file(threads->proc_fd, path, entry->comm, sizeof entry->comm);
    entry->comm[strcspn(entry->comm, "\n")] = '\0';
}

static struct pam_thread_entry *add_thread(struct pam_threads *threads, pid_t tid)
{
    struct pam_thread_entry *entry;

    if (threads->count == PAM_MAX_THREADS || !make_room(threads)) {
        threads->left_out++;
        return NULL;
    }
    entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->tid = tid;
    entry->watch = (struct pam_watch){.tid = tid, .fd = -1};
    entry->newborn = threads->first_scan_done;
    if (threads->activity->watch(threads->activity_state, &entry->watch, threads->proc_fd,
                                 entry->newborn) < 0) {
        free(entry); /* it is gone already */
        return NULL;
    }
    entry->id = ++threads->last_id;
    threads->slots[slot_of(threads, tid)] = entry;
    read_comm(threads, entry);
    threads->entries[threads->count++] = entry;
    return entry;
}

static void become_python(struct pam_thread_entry *entry, const struct pam_tstate *state,
                          const struct pam_layout *layout)
{
    if (!entry->has_python)
        entry->announced = false;
    entry->seen = true;
    if (entry->has_python && entry->py.tstate == state->address &&
        entry->py.unique_id == state->unique_id)
        return;
    pam_py_thread_done(&entry->py);
    entry->has_python = true;
    entry->sampled = entry->sampled && entry->has_python;
    entry->py.tstate = state->address;
    entry->py.unique_id = state->unique_id;
    entry->py.ident = state->ident;
    entry->py.state = (struct pam_region){.address = state->address, .size = layout->tstate_bytes};
}

bool pam_threads_scan_python(struct pam_threads *threads, struct pam_remote *remote,
                             const struct pam_runtime *runtime)
{
    size_t count;

    if (!pam_tstates_list(remote, runtime, threads->states, PAM_MAX_PY_THREADS, &count))
        return false;
    threads->left_out = 0;
    if (count > PAM_MAX_PY_THREADS) {
        threads->left_out = count - PAM_MAX_PY_THREADS;
        count = PAM_MAX_PY_THREADS;
    }
    for (size_t i = 0; i < threads->count; i++)
        threads->entries[i]->seen = false;
    for (size_t i = 0; i < count; i++) {
        struct pam_thread_entry *entry;

        if (!threads->states[i].tid)
            continue; /* starting; the list will have changed again at the next tick */
        entry = pam_threads_find(threads, threads->states[i].tid);
        if (!entry)
            entry = add_thread(threads, threads->states[i].tid);
        if (entry && !entry->seen) /* the newest state of a thread that has several */
            become_python(entry, &threads->states[i], runtime->layout);
    }
    for (size_t i = 0; i < threads->count; i++)
        if (!threads->entries[i]->seen)
            threads->entries[i]->has_python = false;
    threads->first_scan_done = true;
    return true;
}

static bool see_task(pid_t tid, void *context)
{
    struct pam_threads *threads = context;
    struct pam_thread_entry *entry = pam_threads_find(threads, tid);

    if (!entry)
        entry = add_thread(threads, tid);
    if (entry)
        entry->seen = true;
    return true;
}

static void record_exit(struct pam_recorder *recorder, const struct pam_thread_entry *entry)
{
    const struct pam_thread_exit record = {.thread = entry->id};

    if (entry->announced)
        pam_recorder_put(recorder, PAM_thread_exit, &record);
}

/* Keeps the threads that `stays` says, and records the exit of the others. */
static void keep_threads(struct pam_threads *threads, struct pam_recorder *recorder,
                         bool (*stays)(const struct pam_thread_entry *entry))
{
    size_t kept = 0;

    for (size_t i = 0; i < threads->count; i++) {
        struct pam_thread_entry *entry = threads->entries[i];

        if (stays(entry)) {
            threads->entries[kept++] = entry;
        } else {
            record_exit(recorder, entry);
            free_entry(threads, entry);
        }
    }
    threads->count = kept;
}

static bool was_seen(const struct pam_thread_entry *entry)
{
    return entry->seen && !entry->watch.gone;
}

void pam_threads_scan_kernel(struct pam_threads *threads, struct pam_recorder *recorder)
{
    for (size_t i = 0; i < threads->count; i++)
        threads->entries[i]->seen = false;
    if (pam_each_number(threads->proc_fd, "task", see_task, threads) == 0)
        keep_threads(threads, recorder, was_seen);
}

/* A thread that lost its Python and whose file in /proc can no longer be read. */
static bool is_alive(const struct pam_thread_entry *entry)
{
    char text[8];

    return entry->has_python || !entry->py.tstate || entry->watch.fd < 0 ||
           pread(entry->watch.fd, text, sizeof text, 0) > 0;
}

void pam_threads_bury(struct pam_threads *threads, struct pam_recorder *recorder)
{
    keep_threads(threads, recorder, is_alive);
}

bool pam_threads_nameless(const struct pam_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++)
        if (threads->entries[i]->has_python && !threads->entries[i]->name)
            return true;
    return false;
}

static bool take_name(uint64_t ident, struct pam_bytes name, void *context)
{
    struct pam_threads *threads = context;

    for (size_t i = 0; i < threads->count; i++) {
        struct pam_thread_entry *entry = threads->entries[i];

        if (!entry->has_python || entry->py.ident != ident)
            continue;
        if (!entry->name || strlen(entry->name) != name.size ||
            memcmp(entry->name, name.data, name.size) != 0) {
            free(entry->name);
            entry->name = strndup((const char *)name.data, name.size);
            entry->announced = false;
        }
        break;
    }
    return true;
}

void pam_threads_read_names(struct pam_threads *threads, struct pam_thread_names *names)
{
    pam_thread_names_each(names, take_name, threads);
}

void pam_threads_announce(struct pam_threads *threads, struct pam_recorder *recorder)
{
    for (size_t i = 0; i < threads->count; i++) {
        struct pam_thread_entry *entry = threads->entries[i];
        struct pam_thread record = {
            .id = entry->id,
            .pid = (uint64_t)threads->pid,
            .tid = (uint64_t)entry->tid,
            .ident = entry->py.ident,
            .has_python = entry->has_python,
        };

        if (entry->announced)
            continue;
        if (entry->name)
            record.name = pam_recorder_string(recorder, pam_text(entry->name));
        if (entry->comm[0])
            record.kernel_name = pam_recorder_string(recorder, pam_text(entry->comm));
        pam_recorder_put(recorder, PAM_thread, &record);
        entry->announced = true;
    }
}

void pam_threads_forget_recorded(struct pam_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++) {
        threads->entries[i]->announced = false;
        threads->entries[i]->py.depth = 0;
        threads->entries[i]->stack_block = 0;
        memset(&threads->entries[i]->total, 0, sizeof threads->entries[i]->total);
    }
}

/* What the thread did before it was first seen does not count. */
static void count_bursts(struct pam_threads *threads, struct pam_thread_entry *entry)
{
    const uint64_t switches = entry->watch.total.switches;

    if (entry->counted_switches && switches > entry->counted_switches)
        threads->bursts += switches - entry->counted_switches;
    entry->counted_switches = switches;
}

void pam_threads_record_cpu(struct pam_threads *threads, struct pam_recorder *recorder,
                            uint64_t now_ns)
{
    for (size_t i = 0; i < threads->count; i++) {
        struct pam_thread_entry *entry = threads->entries[i];
        const struct pam_schedstat *total = &entry->watch.total;
        struct pam_thread_cpu record;

        if (threads->activity->account)
            threads->activity->account(threads->activity_state, &entry->watch, now_ns);
        else if (!entry->has_python) /* the others are looked at by every tick */
            (void)threads->activity->look(threads->activity_state, &entry->watch, now_ns, 0);
        if (!entry->watch.known || !memcmp(total, &entry->total, sizeof *total))
            continue;
        count_bursts(threads, entry);
        entry->total = *total;
        record = (struct pam_thread_cpu){entry->id, total->cpu_ns / 1000, total->wait_ns / 1000,
                                         total->switches};
        pam_recorder_put(recorder, PAM_thread_cpu, &record);
    }
}
