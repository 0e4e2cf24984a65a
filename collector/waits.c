/* waits.c - what blocked threads wait in: once for each thread and stack, and whether it is the GIL. */
#include "waits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <pam/syscalls.h>

#include "kernel/procfile.h"
#include "session.h"

enum {
    READS_A_TICK = 64, /* 0.1 ms */
    PATH_BYTES = 48,
};

/* A thread that is asked what it is blocked in. */
struct question {
    struct pam_thread_entry *entry;
    enum pam_gil_state *gil; /* to be told whether it waits for the GIL; or NULL */
    uint64_t stack_plus1;    /* to be told what it waits in; or 0 */
    bool blocked;
    bool answered;           /* it could be read */
    struct pam_blocked in;
};

/* --- threads with stacks that were seen blocked --------------------------------------------------- */

static uint64_t key_of(const struct pam_thread_entry *entry, uint64_t stack_plus1)
{
    return entry->id << 24 | stack_plus1; /* PAM_MAX_STACKS is 2^17 */
}

/* Where the key is, or a free place. */
static size_t slot_of(const struct pam_waits *waits, uint64_t key)
{
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) % PAM_WAIT_SLOTS;

    while (waits->seen[at] && waits->seen[at] != key)
        at = (at + 1) % PAM_WAIT_SLOTS;
    return at;
}

/* With a full table nothing is new any more. */
static bool is_new(struct pam_sampler *sampler, const struct pam_thread_entry *entry,
                   uint64_t stack_plus1)
{
    struct pam_waits *waits = &sampler->waits;

    if (waits->epoch != sampler->recorder.epoch) {
        if (waits->seen_count) /* else its pages need not be there */
            memset(waits->seen, 0, sizeof waits->seen);
        waits->seen_count = 0;
        waits->epoch = sampler->recorder.epoch;
    }
    return waits->seen_count < PAM_WAIT_SLOTS / 4 * 3 &&
           !waits->seen[slot_of(waits, key_of(entry, stack_plus1))];
}

static void remember(struct pam_waits *waits, const struct pam_thread_entry *entry,
                     uint64_t stack_plus1)
{
    const uint64_t key = key_of(entry, stack_plus1);

    waits->seen[slot_of(waits, key)] = key;
    waits->seen_count++;
}

/* --- one record ------------------------------------------------------------------------------------- */

/* False when it would take a look at the tables of sockets, and there was one already. */
static bool socket_text(struct pam_waits *waits, int proc_fd, uint64_t inode, bool *looked,
                        const char **text)
{
    const uint32_t at = waits->next_socket;

    for (size_t i = 0; i < PAM_WAIT_SOCKETS; i++)
        if (waits->sockets[i].inode == inode) {
            *text = waits->sockets[i].text;
            return true;
        }
    if (*looked)
        return false;
    *looked = true;
    waits->next_socket = (at + 1) % PAM_WAIT_SOCKETS;
    waits->sockets[at].inode = inode;
    if (!pam_find_socket(proc_fd, inode, waits->sockets[at].text))
        waits->sockets[at].text[0] = '\0';
    *text = waits->sockets[at].text;
    return true;
}

/* The descriptor that the call waits for, if it does for one. */
static bool find_fd(struct pam_remote *remote, const struct pam_syscall *call,
                    const struct pam_blocked *in, uint64_t *fd)
{
    struct {
        int32_t fd;
        uint32_t events;
    } first;

    if (call->fd == PAM_SYSCALL_FD_FIRST) {
        *fd = in->arguments[0];
    } else if (call->fd == PAM_SYSCALL_FD_POLL && in->arguments[1] &&
               pam_remote_read(remote, in->arguments[0], &first, sizeof first) == 0) {
        *fd = (uint64_t)first.fd;
    } else {
        return false;
    }
    return *fd <= INT32_MAX;
}

static void read_timeout(struct pam_remote *remote, const struct pam_syscall *call,
                         const struct pam_blocked *in, struct pam_wait *record)
{
    const uint64_t unit_ns = call->time == PAM_SYSCALL_TIME_SPEC ? 1 : 1000;
    uint64_t parts[2]; /* seconds, and ns or us */

    if (call->time != PAM_SYSCALL_TIME_SPEC && call->time != PAM_SYSCALL_TIME_VAL)
        return;
    if (!in->arguments[call->time_argument] ||
        pam_remote_read(remote, in->arguments[call->time_argument], parts, sizeof parts) < 0 ||
        parts[0] > INT32_MAX || parts[1] > UINT64_C(999999999))
        return;
    record->timeout_ns_plus1 = 1 + parts[0] * UINT64_C(1000000000) + parts[1] * unit_ns;
}

static bool describe_fd(struct pam_sampler *sampler, int proc_fd, uint64_t fd, bool *looked,
                        struct pam_wait *record)
{
    char path[PATH_BYTES], link[PAM_PATH_BYTES];
    const char *text = "";
    uint64_t inode;
    ssize_t size;

    record->fd_plus1 = 1 + fd;
    (void)snprintf(path, sizeof path, "fd/%llu", (unsigned long long)fd);
    size = readlinkat(proc_fd, path, link, sizeof link - 1);
    if (size <= 0)
        return true;
    link[size] = '\0';
    inode = pam_socket_inode(link);
    if (inode && !socket_text(&sampler->waits, proc_fd, inode, looked, &text))
        return false;
    record->file = pam_recorder_string(&sampler->recorder, pam_text(link));
    if (text[0])
        record->socket = pam_recorder_string(&sampler->recorder, pam_text(text));
    return true;
}

/* False when its turn has to come again. */
static bool record_wait(struct pam_sampler *sampler, struct pam_attachment *attachment,
                        const struct question *question, bool *looked)
{
    const struct pam_blocked *in = &question->in;
    const struct pam_syscall *call = pam_syscall_find(PAM_ARCH_NATIVE, in->number);
    struct pam_wait record = {
        .thread = question->entry->id,
        .stack = question->stack_plus1 - 1,
        .syscall_plus1 = 1 + in->number,
        .argument_0 = in->arguments[0],
        .argument_1 = in->arguments[1],
        .argument_2 = in->arguments[2],
        .argument_3 = in->arguments[3],
        .argument_4 = in->arguments[4],
        .argument_5 = in->arguments[5],
        .stack_pointer = in->stack_pointer,
        .program_counter = in->program_counter,
    };
    uint64_t fd;

    if (call) {
        read_timeout(&attachment->remote, call, in, &record);
        if (find_fd(&attachment->remote, call, in, &fd) &&
            !describe_fd(sampler, attachment->proc_fd, fd, looked, &record))
            return false;
    }
    pam_recorder_put(&sampler->recorder, PAM_wait, &record);
    return true;
}

/* --- questions and answers -------------------------------------------------------------------------- */

static void ask(int proc_fd, struct question *question)
{
    char text[PAM_BLOCKED_TEXT_BYTES];

    question->answered = pam_blocked_read(&question->entry->syscall, proc_fd, question->entry->tid, text);
    question->blocked = question->answered && pam_parse_blocked(text, &question->in);
}

static void want_later(struct pam_thread_table *table, struct pam_thread_entry *entry, bool wanted)
{
    table->waits_wanted += wanted;
    table->waits_wanted -= entry->wait_wanted;
    entry->wait_wanted = wanted;
}

static bool has_slept(const struct pam_thread_table *table, const struct pam_thread_entry *entry)
{
    return table->activity->slept && table->activity->slept(table->activity_state, &entry->watch);
}

static void answer_gil(const struct question *question, const struct pam_gil *gil, bool exact,
                       bool slept)
{
    const struct pam_blocked *in = &question->in;
    const bool runs = !question->blocked && !exact;
    const struct pam_syscall *call;

    if (!question->answered || (!runs && !slept)) { /* or it was off, but was woken before it was asked */
        *question->gil = PAM_GIL_UNKNOWN;
        return;
    }
    if (!question->blocked || !in->in_syscall ||
        !pam_gil_has_futex(gil, in->arguments[0]))
        return;
    call = pam_syscall_find(PAM_ARCH_NATIVE, in->number);
    if (call && !strcmp(call->name, "futex"))
        *question->gil = PAM_GIL_AWAITED;
}

/* What a thread waited in counts if it did so since before its stack was copied. What it waits in for the
 * GIL is no matter of its stack, and a page fault is soon over: another time it may tell more. */
static void answer(struct pam_sampler *sampler, struct pam_attachment *attachment,
                   struct question *questions, size_t count)
{
    const struct pam_gil *gil = pam_stack_gil(attachment->stacks);
    bool looked = false;

    if (!count)
        return;
    for (size_t i = 0; i < count; i++)
        ask(attachment->proc_fd, &questions[i]);
    pam_drain_activity(sampler);
    for (size_t i = 0; i < count; i++) {
        const struct question *question = &questions[i];
        const bool slept = question->blocked && has_slept(&sampler->table, question->entry);

        if (question->gil)
            answer_gil(question, gil, sampler->table.activity->exact, slept);
        if (!question->stack_plus1 || !slept || !question->in.in_syscall ||
            pam_gil_has_futex(gil, question->in.arguments[0]))
            continue;
        if (record_wait(sampler, attachment, question, &looked))
            remember(&sampler->waits, question->entry, question->stack_plus1);
        else
            want_later(&sampler->table, question->entry, true);
    }
}

void pam_waits_look(struct pam_sampler *sampler, struct pam_attachment *attachment, size_t count)
{
    struct question questions[READS_A_TICK];
    size_t asked = 0;

    for (size_t i = 0; i < count; i++) {
        struct pam_thread_entry *entry = sampler->wanted[i];
        struct pam_stack_result *result = &sampler->results[i];
        const struct pam_watch *watch = &entry->watch;
        const bool whole = result->outcome == PAM_STACK_WHOLE || result->outcome == PAM_STACK_NO_FRAME;
        const bool runs = watch->heard && watch->on_cpu && !watch->moved;
        const uint64_t stack_plus1 = whole ? result->stack_id + 1 : 0;
        const bool ask_gil = result->gil == PAM_GIL_OTHERS && !runs;
        const bool ask_wait = whole && !runs && !attachment->no_waits[0] &&
                              is_new(sampler, entry, stack_plus1);

        if (i + 1 < count && sampler->wanted_py[i + 1]->is_inner)
            continue; /* the last of a thread's has its whole stack */
        want_later(&sampler->table, entry, ask_wait && asked == READS_A_TICK);
        if (ask_gil && (asked == READS_A_TICK || attachment->no_waits[0]))
            result->gil = PAM_GIL_UNKNOWN;
        else if ((ask_gil || ask_wait) && asked < READS_A_TICK)
            questions[asked++] = (struct question){.entry = entry,
                                                   .gil = ask_gil ? &result->gil : NULL,
                                                   .stack_plus1 = ask_wait ? stack_plus1 : 0};
    }
    answer(sampler, attachment, questions, asked);
    if (pam_stack_gil(attachment->stacks)->disabled != attachment->gil_disabled)
        pam_waits_record(sampler, attachment); /* a module that needs it was imported */
}

/* Those that have been off their CPU since: their last sample's stack is what they wait with. */
static void catch_up(struct pam_sampler *sampler, struct pam_attachment *attachment)
{
    struct question questions[READS_A_TICK];
    size_t asked = 0;

    for (size_t i = 0; i < attachment->threads.count && asked < READS_A_TICK; i++) {
        struct pam_thread_entry *entry = attachment->threads.entries[i];

        if (!entry->wait_wanted)
            continue;
        want_later(&sampler->table, entry, false);
        if (entry->stack_plus1 && is_new(sampler, entry, entry->stack_plus1))
            questions[asked++] =
                (struct question){.entry = entry, .stack_plus1 = entry->stack_plus1};
    }
    answer(sampler, attachment, questions, asked);
}

void pam_waits_catch_up(struct pam_sampler *sampler)
{
    for (size_t i = 0; i < sampler->attached_count; i++)
        if (sampler->attached[i]->is_python)
            catch_up(sampler, sampler->attached[i]);
}

/* --- whether it can be told ------------------------------------------------------------------------ */

void pam_waits_start(const struct pam_sampler *sampler, struct pam_attachment *attachment)
{
    char text[PAM_BLOCKED_TEXT_BYTES], *why = attachment->no_waits;
    const ssize_t size = pam_read_file(attachment->proc_fd, "syscall", text, sizeof text);

    why[0] = '\0';
    if (size < 0)
        (void)snprintf(why, PAM_WAIT_REASON_BYTES, "/proc/PID/task/TID/syscall cannot be read: %s%s",
                       strerror((int)-size),
                       size == -EACCES ? " (root, or cap_dac_read_search, may)" : "");
    else if (!sampler->table.activity->slept)
        (void)snprintf(why, PAM_WAIT_REASON_BYTES, "it is not known which threads have run");
}

void pam_waits_record(struct pam_sampler *sampler, struct pam_attachment *attachment)
{
    const struct pam_gil *gil = pam_stack_gil(attachment->stacks);
    const struct pam_insight record = {
        .pid = (uint64_t)attachment->pid,
        .gil_address = gil->address,
        .gil_bytes = gil->bytes,
        .gil_disabled = gil->disabled,
        .no_waits = pam_text(attachment->no_waits),
    };

    attachment->gil_disabled = gil->disabled;
    pam_recorder_put(&sampler->recorder, PAM_insight, &record);
}
