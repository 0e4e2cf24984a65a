#!/usr/bin/env python3
"""gen_syscalls.py - print the rows of syscalls.def from the kernel headers of both architectures.

CC_X86_64 and CC_AARCH64 name compilers that find the headers (default: gcc's usual names).
"""
import os
import re
import subprocess

COMPILERS = {
    "x86_64": os.environ.get("CC_X86_64", "x86_64-linux-gnu-gcc"),
    "aarch64": os.environ.get("CC_AARCH64", "aarch64-linux-gnu-gcc"),
}

# What a thread can wait in for long: which argument is a file descriptor, and which one says how long.
# FIRST: the first argument is a descriptor; POLL: the first points to an array of struct pollfd.
FIRST = """accept accept4 connect copy_file_range epoll_pwait epoll_pwait2 epoll_wait fallocate fcntl fdatasync
flock fsync ftruncate getdents64 ioctl io_uring_enter mq_timedreceive mq_timedsend pread64 preadv preadv2 pwrite64
pwritev pwritev2 read readv recvfrom recvmmsg recvmsg sendfile sendmmsg sendmsg sendto splice sync_file_range syncfs
tee vmsplice write writev""".split()
POLL = ["poll", "ppoll"]
# MS: milliseconds, negative is for ever; SPEC, VAL: points to a struct timespec or timeval, or is NULL.
TIMES = {
    "epoll_pwait": ("MS", 3),
    "epoll_pwait2": ("SPEC", 3),
    "epoll_wait": ("MS", 3),
    "nanosleep": ("SPEC", 0),
    "poll": ("MS", 2),
    "ppoll": ("SPEC", 2),
    "pselect6": ("SPEC", 4),
    "recvmmsg": ("SPEC", 4),
    "rt_sigtimedwait": ("SPEC", 2),
    "select": ("VAL", 4),
    "semtimedop": ("SPEC", 3),
}
# A clock_nanosleep with TIMER_ABSTIME and a FUTEX_WAIT_BITSET say until when, not how long: left out.


def numbers(compiler):
    text = subprocess.run([compiler, "-dM", "-E", "-"], input="#include <asm/unistd.h>\n", text=True,
                          check=True, capture_output=True).stdout
    values = dict(re.findall(r"^#define (__NR(?:3264)?_\w+) (\S+)$", text, re.M))
    for name, value in values.items():
        value = values.get(value, value)  # some stand for another
        if name.startswith("__NR_") and value.isdigit():
            yield name.removeprefix("__NR_"), int(value)


def main():
    tables = {arch: dict(numbers(compiler)) for arch, compiler in COMPILERS.items()}
    for name in sorted({*tables["x86_64"], *tables["aarch64"]}):
        columns = [tables[arch].get(name, -1) for arch in ("x86_64", "aarch64")]
        if name in ("syscalls", "arch_specific_syscall") or max(columns) < 0:
            continue
        fd = "FIRST" if name in FIRST else "POLL" if name in POLL else "NONE"
        kind, argument = TIMES.get(name, ("NONE", 0))
        print(f"SYSCALL({name}, {columns[0]}, {columns[1]}, {fd}, {kind}, {argument})")


main()
