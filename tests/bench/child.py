"""Starts what must not outlive the bench, however that ends: targets and tools, each in a session of its own."""

import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>
LIBC = ctypes.CDLL(None)


def start(command, before=None, signal_at_our_end=signal.SIGKILL, **options):
    """Popen of a program that gets the signal when we are gone; `before` is called in it before the exec.

    Its own session keeps it from our Ctrl-C, which the bench passes on when it is due.
    """
    bench = os.getpid()

    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, signal_at_our_end)
        if os.getppid() != bench:
            os._exit(1)  # we were gone before it could ask for the signal
        if before:
            before()

    return subprocess.Popen([str(word) for word in command], start_new_session=True, preexec_fn=prepare, **options)


def end(process):
    """Kill it and all that it started, if it still runs, and wait for it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
