/* threads.c - the threads of a process: who is there, what is known of each, what was recorded of it. */
#include "threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfile.h"
#include "native/native.h"

enum { STATUS_BYTES = 4096 }; /* /proc/PID/status: about 1,500, more with long masks and many groups */

int pam_thread_table_init(struct pam_thread_table *table, const struct pam_activity *activity,
                          void *activity_state, struct pam_error *error)
{
    table->activity = activity;
    table->activity_state = activity_state;
    table->states = calloc(PAM_MAX_PY_THREADS, sizeof *table->states);
    return table->states ? 0 : pam_fail(error, PAM_MEMORY, "not enough memory to list threads");
}

void pam_thread_table_done(struct pam_thread_table *table)
{
    free(table->states);
    if (table->activity)
        table->activity->stop(table->activity_state);
    table->states = NULL;
    table->activity = NULL;
}

static size_t slot_of(const struct pam_thread_table *table, pid_t tid)
{
    size_t at = (uint32_t)tid % PAM_THREAD_SLOTS; /* neighbours are born together and run together */

    while (table->slots[at] && table->slots[at]->tid != tid)
        at = (at + 1) % PAM_THREAD_SLOTS;
    return at;
}

/* Taking one out of an open-addressing table: what comes behind it moves up. */
static void clear_slot(struct pam_thread_table *table, pid_t tid)
{
    size_t at = slot_of(table, tid);

    table->slots[at] = NULL;
    for (at = (at + 1) % PAM_THREAD_SLOTS; table->slots[at]; at = (at + 1) % PAM_THREAD_SLOTS) {
        struct pam_thread_entry *moved = table->slots[at];

        table->slots[at] = NULL;
        table->slots[slot_of(table, moved->tid)] = moved;
    }
}

struct pam_thread_entry *pam_threads_find(struct pam_thread_table *table, pid_t tid)
{
    return table->slots[slot_of(table, tid)];
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
    struct pam_thread_table *table = threads->table;

    clear_slot(table, entry->tid);
    table->count--;
    if (entry->tid > 0)
        table->activity->unwatch(table->activity_state, &entry->watch);
    table->waits_wanted -= entry->wait_wanted;
    pam_blocked_close(&entry->syscall);
    pam_py_thread_done(&entry->py);
    pam_native_thread_free(entry->native);
    if (table->counting)
        pam_counts_free(entry->counts, table->counting);
    free(entry->name);
    free(entry);
}

/* Python calls a thread by the id that gettid() gave it: in another PID namespace that is another one. */
static bool has_own_ids(int proc_fd)
{
    char status[STATUS_BYTES];
    pid_t outer, inner;

    return pam_read_file(proc_fd, "status", status, sizeof status) > 0 &&
           pam_parse_namespace_ids(status, &outer, &inner) && outer != inner;
}

void pam_threads_init(struct pam_threads *threads, struct pam_thread_table *table, pid_t pid,
                      int proc_fd, bool is_child)
{
    *threads = (struct pam_threads){
        .table = table,
        .pid = pid,
        .proc_fd = proc_fd,
        .is_child = is_child,
        .has_own_ids = has_own_ids(proc_fd),
        .first_scan_done = is_child,
    };
}

void pam_threads_done(struct pam_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++)
        free_entry(threads, threads->entries[i]);
    free(threads->entries);
    memset(threads, 0, sizeof *threads);
}

void pam_threads_unwatch(struct pam_threads *threads)
{
    struct pam_thread_table *table = threads->table;

    for (size_t i = 0; i < threads->count; i++)
        if (threads->entries[i]->tid > 0)
            table->activity->unwatch(table->activity_state, &threads->entries[i]->watch);
}

void pam_thread_table_change(struct pam_thread_table *table, const struct pam_activity *activity,
                             void *activity_state)
{
    table->activity->stop(table->activity_state);
    table->activity = activity;
    table->activity_state = activity_state;
}

static struct pam_watch new_watch(const struct pam_threads *threads, pid_t tid)
{
    return (struct pam_watch){.tid = tid, .proc_fd = threads->proc_fd, .fd = -1};
}

/* A thread that cannot be watched any more is gone, which the next look finds. */
void pam_threads_watch(struct pam_threads *threads)
{
    struct pam_thread_table *table = threads->table;

    for (size_t i = 0; i < threads->count; i++) {
        struct pam_watch *watch = &threads->entries[i]->watch;
        const struct pam_schedstat total = watch->total;

        if (watch->tid < 0)
            continue;
        *watch = new_watch(threads, watch->tid);
        watch->total = total;
        (void)table->activity->watch(table->activity_state, watch, PAM_BORN_BEFORE);
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

static void read_own_tid(struct pam_threads *threads, struct pam_thread_entry *entry)
{
    char path[48], status[STATUS_BYTES];
    pid_t outer;

    (void)snprintf(path, sizeof path, "task/%d/status", (int)entry->tid);
    if (pam_read_file(threads->proc_fd, path, status, sizeof status) > 0)
        (void)pam_parse_namespace_ids(status, &outer, &entry->own_tid);
}

/* The threads of a child are its own from its first on; that one had a parent in another process. */
static enum pam_birth birth_of(const struct pam_threads *threads, pid_t tid)
{
    if (!threads->first_scan_done)
        return PAM_BORN_BEFORE;
    return threads->is_child && tid == threads->pid ? PAM_BORN_AS_CHILD : PAM_BORN_AS_THREAD;
}

struct pam_thread_entry *pam_threads_add(struct pam_threads *threads, pid_t tid)
{
    struct pam_thread_table *table = threads->table;
    struct pam_thread_entry *entry;
    enum pam_birth birth;

    if (table->count == PAM_MAX_THREADS || !make_room(threads)) {
        threads->left_out++;
        return NULL;
    }
    entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->tid = entry->own_tid = tid;
    entry->of = threads;
    entry->syscall.kept = &table->syscall_files;
    entry->watch = new_watch(threads, tid);
    birth = birth_of(threads, tid);
    entry->newborn = birth != PAM_BORN_BEFORE;
    if (tid > 0 && table->activity->watch(table->activity_state, &entry->watch, birth) < 0) {
        free(entry); /* it is gone already */
        return NULL;
    }
    if (table->counting && tid > 0)
        entry->counts = pam_counts_new(table->counting, tid);
    entry->id = ++table->last_id;
    table->slots[slot_of(table, tid)] = entry;
    table->count++;
    if (tid > 0)
        read_comm(threads, entry);
    if (tid > 0 && threads->has_own_ids)
        read_own_tid(threads, entry);
    threads->entries[threads->count++] = entry;
    return entry;
}

static bool see_task(pid_t tid, void *context)
{
    struct pam_threads *threads = context;
    struct pam_thread_entry *entry = pam_threads_find(threads->table, tid);

    if (!entry)
        entry = pam_threads_add(threads, tid);
    if (entry && entry->of == threads)
        entry->seen = true;
    return true;
}

bool pam_threads_see_tasks(struct pam_threads *threads)
{
    return pam_each_number(threads->proc_fd, "task", see_task, threads) == 0;
}

struct pam_thread_entry *pam_threads_known_as(struct pam_threads *threads, pid_t own_tid)
{
    struct pam_thread_entry *entry;

    if (!threads->has_own_ids) {
        entry = pam_threads_find(threads->table, own_tid);
        if (!entry)
            entry = pam_threads_add(threads, own_tid);
        /* A child that was just forked calls its thread by the id of its parent's for a moment. */
        threads->unsettled |= entry && entry->of != threads;
        return entry && entry->of == threads ? entry : NULL;
    }
    for (size_t i = 0; i < threads->count; i++)
        if (threads->entries[i]->own_tid == own_tid)
            return threads->entries[i];
    return NULL;
}

/* What its events have counted can be read to the last, also now that it is gone. */
static void record_exit(const struct pam_threads *threads, struct pam_recorder *recorder,
                        struct pam_thread_entry *entry)
{
    const struct pam_thread_exit record = {.thread = entry->id};

    if (!entry->announced)
        return;
    if (entry->counts)
        pam_counts_record(entry->counts, threads->table->counting, entry->id, recorder);
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
            record_exit(threads, recorder, entry);
            free_entry(threads, entry);
        }
    }
    threads->count = kept;
}

static bool was_seen(const struct pam_thread_entry *entry)
{
    return entry->tid < 0 ? entry->has_python : entry->seen && !entry->watch.gone;
}

void pam_threads_scan_kernel(struct pam_threads *threads, struct pam_recorder *recorder)
{
    for (size_t i = 0; i < threads->count; i++)
        threads->entries[i]->seen = false;
    if (pam_threads_see_tasks(threads))
        keep_threads(threads, recorder, was_seen);
    threads->first_scan_done = true;
}

/* A thread that lost its Python and whose file in /proc can no longer be read. */
static bool is_alive(const struct pam_thread_entry *entry)
{
    char text[8];

    if (entry->has_python || entry->tid < 0)
        return entry->has_python;
    return !entry->py.tstate || entry->watch.fd < 0 ||
           pread(entry->watch.fd, text, sizeof text, 0) > 0;
}

void pam_threads_bury(struct pam_threads *threads, struct pam_recorder *recorder)
{
    keep_threads(threads, recorder, is_alive);
}

static bool is_none(const struct pam_thread_entry *entry)
{
    (void)entry;
    return false;
}

void pam_threads_bury_all(struct pam_threads *threads, struct pam_recorder *recorder)
{
    keep_threads(threads, recorder, is_none);
}

bool pam_threads_nameless(const struct pam_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++)
        if (threads->entries[i]->has_python && !threads->entries[i]->name)
            return true;
    return false;
}

static bool take_name(const struct pam_thread_name *name, void *context)
{
    struct pam_threads *threads = context;

    for (size_t i = 0; i < threads->count; i++) {
        struct pam_thread_entry *entry = threads->entries[i];

        if (!entry->has_python || entry->py.ident != name->ident ||
            entry->py.interpreter != name->interpreter)
            continue;
        if (!entry->name || strlen(entry->name) != name->text.size ||
            memcmp(entry->name, name->text.data, name->text.size) != 0) {
            free(entry->name);
            entry->name = strndup((const char *)name->text.data, name->text.size);
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
            .tid = entry->tid > 0 ? (uint64_t)entry->tid : 0,
            .ident = entry->py.ident,
            .has_python = entry->has_python,
        };

        if (entry->announced)
            continue;
        if (entry->name)
            record.name = pam_recorder_string(recorder, pam_text(entry->name));
        else if (entry->tid < 0)
            record.name = pam_recorder_string(recorder, pam_text("[unknown thread id]"));
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
        pam_py_thread_forget(&threads->entries[i]->py);
        threads->entries[i]->stack_block = 0;
        if (threads->entries[i]->counts)
            pam_counts_forget_recorded(threads->entries[i]->counts, threads->table->counting);
        memset(&threads->entries[i]->counted, 0, sizeof threads->entries[i]->counted);
        memset(&threads->entries[i]->total, 0, sizeof threads->entries[i]->total);
    }
}

/* What the thread did before it was first seen does not count. */
static void count_bursts(struct pam_thread_table *table, struct pam_thread_entry *entry)
{
    const uint64_t switches = entry->watch.total.switches;

    if (entry->counted_switches && switches > entry->counted_switches)
        table->bursts += switches - entry->counted_switches;
    entry->counted_switches = switches;
}

void pam_threads_record_cpu(struct pam_threads *threads, struct pam_recorder *recorder,
                            uint64_t now_ns)
{
    struct pam_thread_table *table = threads->table;

    for (size_t i = 0; i < threads->count; i++) {
        struct pam_thread_entry *entry = threads->entries[i];
        const struct pam_schedstat *total = &entry->watch.total;
        struct pam_thread_cpu record;

        if (entry->tid < 0)
            continue;
        if (table->activity->account)
            table->activity->account(table->activity_state, &entry->watch, now_ns);
        else if (!entry->has_python) /* the others are looked at by every tick */
            (void)table->activity->look(table->activity_state, &entry->watch, now_ns, 0);
        if (!entry->watch.known || !memcmp(total, &entry->total, sizeof *total))
            continue;
        count_bursts(table, entry);
        entry->total = *total;
        record = (struct pam_thread_cpu){entry->id, total->cpu_ns / 1000, total->wait_ns / 1000,
                                         total->switches};
        pam_recorder_put(recorder, PAM_thread_cpu, &record);
    }
}
