/* members.c - who is in a model: the captures, the commands of their processes, and their threads. */
#include "members.h"

#include <stdlib.h>
#include <string.h>

enum { SHORT_COMMAND_BYTES = 48 }; /* what fits into a title */

void pam_members_done(struct pam_members *members)
{
    free(members->threads);
    free(members->captures);
}

int pam_members_start_capture(struct pam_members *members)
{
    struct pam_capture_facts *grown =
        realloc(members->captures, (members->capture_count + 1) * sizeof *grown);

    if (!grown)
        return -1;
    grown[members->capture_count++] = (struct pam_capture_facts){.scenario = PAM_UNKNOWN};
    members->captures = grown;
    return 0;
}

static struct pam_capture_facts *current(const struct pam_members *members)
{
    return &members->captures[members->capture_count - 1];
}

int pam_members_add_session(struct pam_members *members, const struct pam_session *session,
                            struct pam_table *texts)
{
    const int64_t text = pam_table_id(texts, session->scenario.data, session->scenario.size);

    if (text >= 0)
        current(members)->scenario = (uint32_t)text;
    return text < 0 ? -1 : 0;
}

/* --- processes ----------------------------------------------------------------------------------- */

/* "python worker.py --fast" of "/usr/bin/python worker.py --fast", cut between two characters. */
static struct pam_bytes shorten(struct pam_bytes text)
{
    const unsigned char *const space = memchr(text.data, ' ', text.size);
    const size_t first_word = space ? (size_t)(space - text.data) : text.size;
    const unsigned char *const slash = memrchr(text.data, '/', first_word);

    if (slash) {
        text.size -= (size_t)(slash + 1 - text.data);
        text.data += slash + 1 - text.data;
    }
    if (text.size > SHORT_COMMAND_BYTES)
        for (text.size = SHORT_COMMAND_BYTES; text.size && (text.data[text.size] & 0xc0) == 0x80;)
            text.size--;
    return text;
}

/* The target's own command is not kept: it needs no telling. */
int pam_members_add_process(struct pam_members *members, const struct pam_process *process,
                            struct pam_table *texts)
{
    struct pam_command *command = &members->commands[process->pid % PAM_MAX_COMMANDS];
    struct pam_bytes text = process->command_line;
    int64_t id;

    *command = (struct pam_command){.pid = process->pid};
    if (process->is_target)
        current(members)->target_pid = process->pid;
    if (process->is_target || !text.size)
        return 0;
    text = shorten(text);
    id = pam_table_id(texts, text.data, text.size);
    if (id >= 0)
        command->text_plus1 = (uint32_t)id + 1;
    return id < 0 ? -1 : 0;
}

static uint32_t command_of(const struct pam_members *members, uint64_t pid)
{
    const struct pam_command *command = &members->commands[pid % PAM_MAX_COMMANDS];

    return command->pid == pid && command->text_plus1 ? command->text_plus1 - 1 : PAM_UNKNOWN;
}

/* --- threads -------------------------------------------------------------------------------------- */

int64_t pam_members_new_thread(struct pam_members *members, uint64_t id)
{
    if (members->thread_count == members->thread_room) {
        const size_t room = members->thread_room ? 2 * members->thread_room : 64;
        struct pam_thread_model *grown = realloc(members->threads, room * sizeof *grown);

        if (!grown)
            return -1;
        members->threads = grown;
        members->thread_room = room;
    }
    members->threads[members->thread_count] = (struct pam_thread_model){
        .id = id, .capture = members->capture_count - 1, .name = PAM_UNKNOWN};
    return (int64_t)members->thread_count++;
}

/* As threading would call it, had the program imported threading. */
static int name_main_thread(struct pam_thread_model *thread, struct pam_table *texts)
{
    static const char name[] = "MainThread";
    const int64_t text = pam_table_id(texts, name, sizeof name - 1);

    if (text < 0)
        return -1;
    thread->name = (uint32_t)text;
    return 0;
}

/* A thread may get its Python, and Python's name for it, only later. */
int pam_members_add_thread(struct pam_members *members, size_t index, const struct pam_thread *thread,
                           uint32_t name, struct pam_table *texts)
{
    struct pam_thread_model *known = &members->threads[index];
    const bool is_main = thread->has_python && thread->tid == thread->pid;
    const bool is_python = known->has_python;

    known->pid = thread->pid;
    known->tid = thread->tid;
    known->command = command_of(members, thread->pid);
    known->has_python |= thread->has_python != 0;
    if (!thread->name && is_main && !is_python)
        return name_main_thread(known, texts);
    if (thread->name || known->name == PAM_UNKNOWN || !thread->has_python)
        known->name = name;
    return 0;
}

static int rank(const struct pam_members *members, size_t index)
{
    const struct pam_thread_model *thread = &members->threads[index];

    if (thread->tid == thread->pid)
        return 0;
    return thread->has_python ? 1 : 2;
}

static bool is_of_target(const struct pam_members *members, const struct pam_thread_model *thread)
{
    return thread->pid == members->captures[thread->capture].target_pid;
}

static int compare_threads(const void *a, const void *b, void *context)
{
    const struct pam_members *members = context;
    const size_t index_a = *(const size_t *)a, index_b = *(const size_t *)b;
    const struct pam_thread_model *thread_a = &members->threads[index_a];
    const struct pam_thread_model *thread_b = &members->threads[index_b];
    const int ranks = rank(members, index_a) - rank(members, index_b);

    if (thread_a->capture != thread_b->capture)
        return thread_a->capture < thread_b->capture ? -1 : 1;
    if (is_of_target(members, thread_a) != is_of_target(members, thread_b))
        return is_of_target(members, thread_a) ? -1 : 1;
    if (thread_a->pid != thread_b->pid)
        return thread_a->pid < thread_b->pid ? -1 : 1;
    if (ranks)
        return ranks;
    if (thread_a->tid != thread_b->tid) /* kernel ids grow: the older thread comes first */
        return thread_a->tid < thread_b->tid ? -1 : 1;
    return index_a < index_b ? -1 : index_a > index_b;
}

void pam_members_order(const struct pam_members *members, size_t *order)
{
    for (size_t i = 0; i < members->thread_count; i++)
        order[i] = i;
    qsort_r(order, members->thread_count, sizeof *order, compare_threads,
            (void *)(uintptr_t)members);
}
