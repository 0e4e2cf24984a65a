/* native.c - native and kernel stacks: what it takes, asked for at the start and given back at the end. */
#include "native/native.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/blocked.h"
#include "kernel/procfile.h"
#include "native/private.h"

static int set_up(struct pam_native_stacks *native, struct pam_error *error)
{
    if (native->user && !PAM_REGISTERS_ALL)
        return pam_fail(error, PAM_UNSUPPORTED,
                        "--native knows the registers of x86-64 and 64-bit ARM only: leave it out");
    native->arena = mmap(NULL, PAM_NATIVE_ARENA_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (native->arena == MAP_FAILED)
        native->arena = NULL;
    if (!native->arena || !pam_intern_init(&native->table, PAM_MAX_NATIVE,
                                           (size_t)PAM_MAX_NATIVE * sizeof(struct pam_copy_key)))
        return pam_fail(error, PAM_MEMORY, "not enough memory for native stacks");
    return pam_snapshot_new(&native->snapshot, native->user, native->kernel, error);
}

int pam_native_new(struct pam_native_stacks **ret, bool user, bool kernel, char warning[PAM_REASON_TEXT_BYTES],
                   struct pam_error *error)
{
    struct pam_native_stacks *native = calloc(1, sizeof *native);
    struct pam_error hidden;
    int r;

    warning[0] = '\0';
    if (!native)
        return pam_fail(error, PAM_MEMORY, "not enough memory for native stacks");
    native->user = user;
    native->kernel = kernel;
    r = set_up(native, error);
    if (r < 0) {
        pam_native_free(native);
        return r;
    }
    if (kernel && pam_kallsyms_read(&native->symbols, &hidden) < 0)
        (void)snprintf(warning, PAM_REASON_TEXT_BYTES, "kernel frames are addresses without names: %.160s",
                       hidden.text);
    *ret = native;
    return 0;
}

void pam_native_check(const struct pam_native_stacks *native, int proc_fd, char warning[PAM_REASON_TEXT_BYTES])
{
    char text[PAM_BLOCKED_TEXT_BYTES];
    ssize_t size;

    if (!pam_snapshot_is_own(native->snapshot))
        return;
    size = pam_read_file(proc_fd, "syscall", text, sizeof text);
    if (size > 0)
        (void)snprintf(warning, PAM_REASON_TEXT_BYTES, "no native stacks of threads that run in the kernel or wait for a "
                       "CPU: that needs cap_perfmon");
    else
        (void)snprintf(warning, PAM_REASON_TEXT_BYTES, "native stacks only of threads that run in their own code: of those "
                       "that wait it needs cap_perfmon, or to read /proc/PID/syscall (%s)", size < 0 ? strerror((int)-size) : "it is empty");
}

void pam_native_thread_free(struct pam_native_thread *known)
{
    if (!known)
        return;
    pam_snapshot_thread_done(&known->snapshot);
    free(known);
}

void pam_native_free(struct pam_native_stacks *native)
{
    if (!native)
        return;
    pam_snapshot_free(native->snapshot);
    pam_kallsyms_free(native->symbols);
    pam_intern_done(&native->table);
    if (native->arena)
        (void)munmap(native->arena, PAM_NATIVE_ARENA_BYTES);
    free(native);
}

struct pam_taken_format pam_native_format(const struct pam_native_stacks *native)
{
    struct pam_taken_format format = {.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME};

    if (pam_snapshot_is_own(native->snapshot)) /* switches are in the kernel */
        return (struct pam_taken_format){.sample_type = 0};
    if (native->kernel)
        format.sample_type |= PERF_SAMPLE_CALLCHAIN;
    if (native->user) {
        format.sample_type |= PERF_SAMPLE_REGS_USER;
        format.register_mask = PAM_REGISTERS_PRESERVED;
    }
    return format;
}

/* Rings of several CPUs are read one after the other: times decide, not the order. */
void pam_native_take_switched(struct pam_native_thread *known, const struct pam_taken *taken)
{
    if (taken->time_ns < known->switched_ns)
        return;
    known->switched_ns = taken->time_ns;
    known->has_registers = taken->registers != NULL;
    if (taken->registers)
        memcpy(known->registers, taken->registers, 8 * pam_registers_count(PAM_REGISTERS_PRESERVED));
    known->kernel_chain_bytes = taken->kernel_chain_bytes < sizeof known->kernel_chain
                                    ? taken->kernel_chain_bytes : sizeof known->kernel_chain;
    if (known->kernel_chain_bytes)
        memcpy(known->kernel_chain, taken->kernel_chain, known->kernel_chain_bytes);
}
