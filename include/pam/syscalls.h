/* syscalls.h - the system calls of both architectures: names, and what can be told of a wait in them.
 *
 * The collector reads what a descriptor or a pointer among the arguments stands for, because that cannot
 * be done later; the converter does the rest. Numbers: the kernel's asm/unistd.h (gen_syscalls.py). */
#ifndef PAM_SYSCALLS_H
#define PAM_SYSCALLS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum pam_arch { PAM_ARCH_UNKNOWN, PAM_ARCH_X86_64, PAM_ARCH_AARCH64 };

#if defined(__x86_64__)
#define PAM_ARCH_NATIVE PAM_ARCH_X86_64
#elif defined(__aarch64__)
#define PAM_ARCH_NATIVE PAM_ARCH_AARCH64
#else
#define PAM_ARCH_NATIVE PAM_ARCH_UNKNOWN
#endif

/* Which file descriptor a system call waits for. */
enum pam_syscall_fd {
    PAM_SYSCALL_FD_NONE,
    PAM_SYSCALL_FD_FIRST, /* its first argument */
    PAM_SYSCALL_FD_POLL,  /* the first of the struct pollfd that its first argument points to */
};

/* How it says for how long at most; negative milliseconds and NULL pointers are for ever. */
enum pam_syscall_time {
    PAM_SYSCALL_TIME_NONE,
    PAM_SYSCALL_TIME_MS,   /* an int, milliseconds */
    PAM_SYSCALL_TIME_SPEC, /* points to a struct timespec */
    PAM_SYSCALL_TIME_VAL,  /* points to a struct timeval */
};

struct pam_syscall {
    const char *name;
    int numbers[2]; /* by enum pam_arch - 1; -1: none */
    enum pam_syscall_fd fd;
    enum pam_syscall_time time;
    unsigned time_argument;
};

/* By the host's `uname -m`. */
static inline enum pam_arch pam_arch_named(const void *name, size_t size)
{
    if (size == 6 && !memcmp(name, "x86_64", size))
        return PAM_ARCH_X86_64;
    return size == 7 && !memcmp(name, "aarch64", size) ? PAM_ARCH_AARCH64 : PAM_ARCH_UNKNOWN;
}

/* NULL when this table has none of that number. */
static inline const struct pam_syscall *pam_syscall_find(enum pam_arch arch, uint64_t number)
{
    static const struct pam_syscall table[] = {
#define SYSCALL(name, x86_64, aarch64, fd, time, argument)                                         \
    {#name, {x86_64, aarch64}, PAM_SYSCALL_FD_##fd, PAM_SYSCALL_TIME_##time, argument},
#include <pam/syscalls.def>
#undef SYSCALL
    };

    for (size_t i = 0; arch != PAM_ARCH_UNKNOWN && i < sizeof table / sizeof *table; i++)
        if (table[i].numbers[arch - 1] >= 0 && (uint64_t)table[i].numbers[arch - 1] == number)
            return &table[i];
    return NULL;
}

#endif
