"""Programs on a terminal of their own, to see what they do there and to press Ctrl-C."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading


class Terminal:
    """Starts a command as the foreground job of a new terminal; `text` is what it showed there."""

    def __init__(self, *command, columns=80, stdin=None, stdout=None, stderr=None, **options):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

        def take_terminal():
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [str(part) for part in command],
            start_new_session=True,
            preexec_fn=take_terminal,
            pass_fds=(slave,),
            stdin=slave if stdin is None else stdin,
            stdout=slave if stdout is None else stdout,
            stderr=slave if stderr is None else stderr,
            **options,
        )
        os.close(slave)
        self.shown = bytearray()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while part := os.read(self.master, 4096):
                self.shown += part
        except OSError:
            pass  # the last process on it has ended

    @property
    def text(self):
        return self.shown.decode("utf-8", "replace")

    def press(self, key=b"\x03"):
        """Ctrl-C goes to every process of the foreground job."""
        os.write(self.master, key)

    def wait(self, timeout=20):
        status = self.process.wait(timeout)
        self.reader.join(2)
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(2)
        os.close(self.master)
