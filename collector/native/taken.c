/* taken.c - what a sample of perf_event with registers, stack and call chain says. */
#include "native/taken.h"

#include <string.h>

#include "native/registers.h"

struct rest {
    const unsigned char *at;
    size_t left;
    bool failed;
};

static const unsigned char *take(struct rest *rest, uint64_t size)
{
    const unsigned char *at = rest->at;

    if (rest->failed || size > rest->left) {
        rest->failed = true;
        return NULL;
    }
    rest->at += size;
    rest->left -= (size_t)size;
    return at;
}

static uint64_t take_u64(struct rest *rest)
{
    const unsigned char *at = take(rest, 8);
    uint64_t value = 0;

    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

/* Entries from PERF_CONTEXT_MAX up are marks: those behind PERF_CONTEXT_KERNEL are the kernel's, those
 * behind PERF_CONTEXT_USER the thread's own. */
static void split_chain(const unsigned char *chain, uint64_t count, struct pam_taken *taken)
{
    size_t *size = NULL;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t address;

        memcpy(&address, chain + 8 * i, sizeof address);
        if (address == (uint64_t)PERF_CONTEXT_KERNEL) {
            taken->kernel_chain = chain + 8 * (i + 1);
            size = &taken->kernel_chain_bytes;
        } else if (address == (uint64_t)PERF_CONTEXT_USER) {
            taken->user_chain = chain + 8 * (i + 1);
            size = &taken->user_chain_bytes;
        } else if (address >= (uint64_t)PERF_CONTEXT_MAX) {
            size = NULL;
        } else if (size) {
            *size += 8;
        }
    }
}

static void take_chain(struct rest *rest, struct pam_taken *taken)
{
    const uint64_t count = take_u64(rest);
    const unsigned char *chain = take(rest, count <= rest->left / 8 ? 8 * count : SIZE_MAX);

    if (chain)
        split_chain(chain, count, taken);
}

static void take_registers(struct rest *rest, uint64_t mask, struct pam_taken *taken)
{
    const uint64_t abi = take_u64(rest);
    const unsigned char *registers;

    if (abi == PERF_SAMPLE_REGS_ABI_NONE)
        return;
    registers = take(rest, 8 * pam_registers_count(mask));
    if (abi == PERF_SAMPLE_REGS_ABI_64)
        taken->registers = registers;
}

/* u64 size; char data[size]; u64 used -- the last two only if size is not 0 */
static void take_stack(struct rest *rest, struct pam_taken *taken)
{
    const uint64_t size = take_u64(rest);
    const unsigned char *stack;
    uint64_t used;

    if (!size)
        return;
    stack = take(rest, size);
    used = take_u64(rest);
    if (!rest->failed) {
        taken->stack = stack;
        taken->stack_bytes = (size_t)(used < size ? used : size);
    }
}

bool pam_taken_parse(const struct perf_event_header *record, const struct pam_taken_format *format,
                     struct pam_taken *taken)
{
    struct rest rest = {(const unsigned char *)(record + 1), record->size - sizeof *record, false};
    uint64_t ids;

    *taken = (struct pam_taken){
        .in_kernel = (record->misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL,
    };
    ids = take_u64(&rest); /* u32 pid, tid */
    taken->tid = (pid_t)(ids >> 32);
    taken->time_ns = take_u64(&rest);
    if (format->sample_type & PERF_SAMPLE_CALLCHAIN)
        take_chain(&rest, taken);
    if (format->sample_type & PERF_SAMPLE_REGS_USER)
        take_registers(&rest, format->register_mask, taken);
    if (format->sample_type & PERF_SAMPLE_STACK_USER)
        take_stack(&rest, taken);
    return !rest.failed;
}
