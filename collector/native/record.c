/* record.c - what was copied into records: reduced, and each different one once an epoch. */
#include "native/private.h"

#include <string.h>

static void record_symbols(struct pam_native_stacks *native, struct pam_recorder *recorder, struct pam_bytes chain)
{
    struct pam_kernel_symbol symbol;

    for (size_t at = 0; native->symbols && at + 8 <= chain.size; at += 8)
        if (pam_kallsyms_once(native->symbols, pam_get_le(chain.data + at, 8), &symbol))
            pam_recorder_put(recorder, PAM_kernel_symbol, &symbol);
}

static void start_epoch(struct pam_native_stacks *native, uint32_t epoch)
{
    if (native->epoch == epoch)
        return;
    native->epoch = epoch;
    native->forgotten = 0;
    pam_intern_clear(&native->table);
    if (native->symbols)
        pam_kallsyms_forget(native->symbols);
}

void pam_native_forget(struct pam_native_stacks *native)
{
    native->forgotten += native->table.count;
    pam_intern_clear(&native->table);
}

static void put(struct pam_native_stacks *native, struct pam_recorder *recorder, const struct pam_native_job *job,
                int64_t ago_ns)
{
    const struct pam_stack_copy *copy = &job->copy;
    unsigned char registers[8 * PAM_REGISTER_ROOM];
    const unsigned count = pam_registers_count(copy->register_mask);
    const struct pam_native record = {
        .id = job->id,
        .thread = job->thread,
        .flags = job->flags,
        .ago_ns = ago_ns,
        .kernel_chain = job->kernel_chain,
        .user_chain = job->user_chain,
        .registers = {registers, 8 * count},
        .register_mask = copy->register_mask,
        .stack_address = copy->address,
        .stack = {copy->bytes, copy->size},
    };

    for (unsigned i = 0; i < count; i++)
        pam_put_le(registers + 8 * i, copy->registers[i], 8);
    pam_recorder_put(recorder, PAM_native, &record);
    record_symbols(native, recorder, job->kernel_chain);
}

static void record_job(struct pam_native_stacks *native, struct pam_native_process *process,
                       struct pam_recorder *recorder, struct pam_native_job *job, uint64_t python_ns)
{
    struct pam_copy_key key;
    bool is_new;

    start_epoch(native, recorder->epoch);
    if (native->user)
        pam_copy_reduce(&job->copy, job->stack_end, &process->ranges);
    key = pam_copy_key(&job->copy, job->kernel_chain.data, job->kernel_chain.size, job->flags);
    job->id = pam_intern_id(&native->table, &key, sizeof key, &is_new);
    if (job->id)
        job->id += native->forgotten;
    if (is_new)
        put(native, recorder, job, job->flags & PAM_NATIVE_EXACT ? 0 : (int64_t)(python_ns - job->taken_ns));
    else if (!job->id)
        pam_recorder_want_epoch(recorder);
}

size_t pam_native_settle(struct pam_native_stacks *native, struct pam_native_process *process,
                         struct pam_recorder *recorder, struct pam_native_job *jobs, size_t count,
                         uint64_t python_ns, bool exact)
{
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        struct pam_native_job *job = &jobs[i];

        if (job->done)
            continue;
        job->done = job->copied && !(job->still && job->watch->switched_ns != job->before_ns);
        if (!job->done) {
            left++;
            continue;
        }
        if (job->still && exact)
            job->flags |= PAM_NATIVE_EXACT;
        record_job(native, process, recorder, job, python_ns);
    }
    return left;
}
