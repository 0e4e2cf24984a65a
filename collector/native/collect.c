/* collect.c - copying stacks: of threads that stand still from their memory, of the others by snapshots. */
#include <string.h>

#include "native/private.h"

static const uint64_t SNAPSHOT_WAIT_NS = UINT64_C(200000); /* several times its delay; a virtual machine adds 50 us */

enum {
    PAGE = 4096,                   /* the smallest there is */
    PAGES = PAM_MAX_STACK_COPY / PAGE + 1,
};

static void *reserve(struct pam_native_stacks *native, size_t size)
{
    void *place = native->arena + native->arena_used;

    if (PAM_NATIVE_ARENA_BYTES - native->arena_used < size)
        return NULL;
    native->arena_used += (size + 7) & ~(size_t)7;
    return place;
}

static struct pam_bytes keep(struct pam_native_stacks *native, const void *bytes, size_t size)
{
    unsigned char *place = size ? reserve(native, size) : NULL;

    if (!place)
        return (struct pam_bytes){NULL, 0};
    memcpy(place, bytes, size);
    return (struct pam_bytes){place, size};
}

/* --- threads that stand still -------------------------------------------------------------------------- */

/* All that is known of a thread that has not moved since it is watched, and of any when the kernel does not
 * tell the registers at switches: the C library's functions that wait have put the others onto the stack. */
static bool read_bare_registers(const struct pam_native_process *process, struct pam_native_job *job)
{
    char text[PAM_BLOCKED_TEXT_BYTES];
    struct pam_blocked in;

    if (!pam_blocked_read(job->syscall, process->proc_fd, job->watch->tid, text) ||
        !pam_parse_blocked(text, &in))
        return false;
    job->copy.register_mask = PAM_REGISTERS_BARE;
    job->copy.registers[0] = in.stack_pointer; /* as PAM_REGISTER_SP is the lesser of both */
    job->copy.registers[1] = in.program_counter;
    return true;
}

static bool find_registers(const struct pam_native_process *process, struct pam_native_job *job)
{
    const struct pam_native_thread *known = job->known;

    if (known->switched_ns <= job->watch->came_on_ns || !known->has_registers)
        return read_bare_registers(process, job);
    memcpy(job->copy.registers, known->registers, sizeof known->registers);
    job->copy.register_mask = PAM_REGISTERS_PRESERVED;
    return true;
}

static uint64_t stack_pointer(const struct pam_stack_copy *copy)
{
    return copy->registers[pam_register_at(copy->register_mask, PAM_REGISTER_SP)];
}

/* Plans the reading of its stack; false when it does not fit any more, or is not known. */
static bool plan_stack(struct pam_native_stacks *native, const struct pam_native_process *process,
                       struct pam_native_job *job, struct pam_piece *piece)
{
    uint64_t size;

    if (!find_registers(process, job))
        return false;
    job->copy.address = stack_pointer(&job->copy);
    job->stack_end = pam_native_stack_end(process, job, job->copy.address);
    if (job->stack_end <= job->copy.address)
        return false;
    size = (job->stack_end - job->copy.address) & ~UINT64_C(7);
    if (size > PAM_MAX_STACK_COPY) {
        size = PAM_MAX_STACK_COPY;
        job->flags |= PAM_NATIVE_CUT;
    }
    job->copy.size = size;
    job->copy.bytes = reserve(native, size);
    *piece = (struct pam_piece){job->copy.address, job->copy.bytes, (uint32_t)size, false};
    return job->copy.bytes != NULL;
}

static bool plan_still(struct pam_native_stacks *native, const struct pam_native_process *process,
                       struct pam_native_job *job, struct pam_piece *piece)
{
    const struct pam_native_thread *known = job->known;

    job->still = true;
    job->taken_ns = known->switched_ns ? known->switched_ns : job->watch->switched_ns;
    job->flags = job->watch->on_cpu ? 0 : PAM_NATIVE_IN_KERNEL;
    if (native->kernel && known->switched_ns > job->watch->came_on_ns)
        job->kernel_chain = keep(native, known->kernel_chain, known->kernel_chain_bytes);
    return !native->user || plan_stack(native, process, job, piece);
}

/* What there is from its first byte on, page by page. */
static void read_in_part(struct pam_native_process *process, struct pam_stack_copy *copy)
{
    struct pam_piece pieces[PAGES];
    size_t count = 0, got = 0;

    for (size_t at = 0; at < copy->size; count++) {
        const size_t left = PAGE - (copy->address + at) % PAGE;
        const size_t size = left < copy->size - at ? left : copy->size - at;

        pieces[count] = (struct pam_piece){copy->address + at, copy->bytes + at, (uint32_t)size, false};
        at += size;
    }
    if (pam_remote_readv(&process->remote, pieces, count) == 0)
        for (size_t i = 0; i < count && pieces[i].ok; i++)
            got += pieces[i].size;
    copy->size = got & ~(size_t)7;
}

static void take_pieces(struct pam_native_stacks *native, struct pam_native_process *process,
                        struct pam_native_job *jobs, size_t count)
{
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        struct pam_native_job *job = &jobs[i];

        if (job->done || !job->copied || !job->still)
            continue;
        if (!native->pieces[at++].ok) {
            job->flags |= PAM_NATIVE_NOT_WHOLE;
            read_in_part(process, &job->copy);
        }
    }
}

/* --- threads that run ---------------------------------------------------------------------------------- */

struct takers {
    struct pam_native_stacks *native;
    const struct pam_native_process *process;
    struct pam_native_job *jobs;
    size_t count;
};

static bool keep_stack(struct pam_native_stacks *native, const struct pam_native_process *process,
                       const struct pam_taken *taken, struct pam_native_job *job)
{
    struct pam_stack_copy *copy = &job->copy;
    size_t size = taken->stack_bytes & ~(size_t)7;

    if (!taken->registers)
        return false;
    copy->register_mask = PAM_REGISTERS_ALL;
    memcpy(copy->registers, taken->registers, 8 * pam_registers_count(PAM_REGISTERS_ALL));
    copy->address = stack_pointer(copy);
    job->stack_end = pam_native_stack_end(process, job, copy->address);
    if (!job->stack_end || job->stack_end - copy->address > size)
        job->flags |= PAM_NATIVE_CUT;
    else
        size = (job->stack_end - copy->address) & ~UINT64_C(7);
    copy->bytes = reserve(native, size);
    if (!copy->bytes)
        return false;
    memcpy(copy->bytes, taken->stack, size);
    copy->size = size;
    if (job->flags & PAM_NATIVE_CUT)
        job->user_chain = keep(native, taken->user_chain, taken->user_chain_bytes);
    return true;
}

static void take_snapshot(const struct pam_taken *taken, void *context)
{
    struct takers *takers = context;

    for (size_t i = 0; i < takers->count; i++) {
        struct pam_native_job *job = &takers->jobs[i];

        if (job->watch->tid != taken->tid || job->done || job->copied)
            continue;
        job->flags = taken->in_kernel ? PAM_NATIVE_IN_KERNEL : 0;
        job->taken_ns = taken->time_ns;
        job->kernel_chain = keep(takers->native, taken->kernel_chain, taken->kernel_chain_bytes);
        job->copied = !takers->native->user || keep_stack(takers->native, takers->process, taken, job);
    }
}

/* --- both ------------------------------------------------------------------------------------------------ */

static void begin(struct pam_native_job *job)
{
    job->copied = job->still = false;
    job->before_ns = job->watch->switched_ns;
    job->kernel_chain = job->user_chain = (struct pam_bytes){NULL, 0};
    job->copy.register_mask = 0;
    job->copy.size = 0;
}

/* Without registers of switches a thread that was preempted can be seen only when it runs again. */
static bool needs_snapshot(const struct pam_native_stacks *native, const struct pam_native_job *job)
{
    return job->watch->running || (pam_snapshot_is_own(native->snapshot) && job->watch->on_cpu);
}

/* With events of threads once a tick is enough: who runs in the kernel goes on doing so. */
static bool is_to_ask(const struct pam_native_stacks *native, const struct pam_native_job *job)
{
    return !job->done && needs_snapshot(native, job) &&
           !(job->asked && pam_snapshot_is_own(native->snapshot));
}

static void ask(const struct pam_native_stacks *native, struct pam_native_job *job)
{
    job->asked = pam_snapshot_arm(native->snapshot, &(struct pam_snapshot_subject){
        .tid = job->watch->tid,
        .cpu = job->watch->cpu_plus1 - 1,
        .preempted = !job->watch->running,
        .thread = &job->known->snapshot,
    });
}

/* One a CPU can be asked: who went off last, as it was preempted by us, as a rule, and comes back first. The
 * others are asked in later passes. */
static void ask_waiting(const struct pam_native_stacks *native, struct pam_native_job *jobs, size_t count)
{
    struct pam_native_job *last[1 + PAM_SNAPSHOT_CPUS] = {NULL};

    for (size_t i = 0; i < count; i++) {
        struct pam_native_job **of_cpu = &last[(size_t)jobs[i].watch->cpu_plus1 % (1 + PAM_SNAPSHOT_CPUS)];

        if (is_to_ask(native, &jobs[i]) && !jobs[i].watch->running &&
            (!*of_cpu || (*of_cpu)->watch->switched_ns < jobs[i].watch->switched_ns))
            *of_cpu = &jobs[i];
    }
    for (size_t cpu_plus1 = PAM_SNAPSHOT_CPUS + 1; cpu_plus1-- > 0;) /* unknown comes last: it takes all that are left */
        if (last[cpu_plus1])
            ask(native, last[cpu_plus1]);
}

/* Is there anybody whose sample is to be waited for? */
static bool ask_all(const struct pam_native_stacks *native, struct pam_native_job *jobs, size_t count)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (!is_to_ask(native, &jobs[i]))
            continue;
        any = true;
        if (jobs[i].watch->running)
            ask(native, &jobs[i]);
    }
    if (any && pam_snapshot_is_own(native->snapshot))
        ask_waiting(native, jobs, count);
    return any;
}

void pam_native_copy(struct pam_native_stacks *native, struct pam_native_process *process,
                     struct pam_native_job *jobs, size_t count)
{
    struct takers takers = {native, process, jobs, count};
    size_t planned = 0;
    bool any;

    native->arena_used = 0;
    for (size_t i = 0; i < count; i++)
        if (!jobs[i].done)
            begin(&jobs[i]);
    any = ask_all(native, jobs, count);
    for (size_t i = 0; i < count && planned < PAM_NATIVE_PIECES; i++)
        if (!jobs[i].done && !needs_snapshot(native, &jobs[i]) &&
            plan_still(native, process, &jobs[i], &native->pieces[planned])) {
            jobs[i].copied = true;
            planned++;
        }
    if (native->user && planned && pam_remote_readv(&process->remote, native->pieces, planned) == 0)
        take_pieces(native, process, jobs, count);
    if (any)
        pam_snapshot_collect(native->snapshot, SNAPSHOT_WAIT_NS, take_snapshot, &takers);
}
