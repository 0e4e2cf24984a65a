"""Children of every kind, each a Python that runs a function of its own for a known time, and others that are none.

Truth: of each child its pid, how it was started, the function with the seconds that it took, and the exit status that
its parent got.
"""

import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import truth


TIMES = "PAM_FAMILY_TIMES"  # the file to which every process of the family appends


def burn(seconds):
    begin = time.monotonic()
    while time.monotonic() < begin + seconds:
        sum(range(300))
    with open(os.environ[TIMES], "a", encoding="ascii") as file:
        file.write(f"{os.getpid()} {time.monotonic() - begin}\n")


def times():
    return dict(map(float, line.split()) for line in pathlib.Path(os.environ[TIMES]).read_text("ascii").splitlines())


def work_of_fork(seconds):
    burn(seconds)


def work_of_spawn(seconds):
    burn(seconds)


def work_of_forkserver(seconds):
    burn(seconds)


def work_of_grandchild(seconds):
    burn(seconds)


def work_of_exec(seconds):
    burn(seconds)


def work_of_thread(seconds):
    worker = threading.Thread(target=burn, args=(seconds,), name="inner")
    worker.start()
    worker.join()


def with_grandchild(seconds, told):
    pid = os.fork()
    if pid == 0:
        work_of_grandchild(seconds)
        os._exit(7)
    told.send(pid)
    os.waitpid(pid, 0)


def by_multiprocessing(method, function, seconds):
    process = multiprocessing.get_context(method).Process(target=function, args=(seconds,))
    process.start()
    return process


def finish(process, how, function):
    process.join()
    return {"pid": process.pid, "started": how, "function": function.__name__, "status": process.exitcode}


def zombie(seconds):
    """A child that nobody waits for until long after its end."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, str(time.monotonic()).encode())
        os._exit(5)
    time.sleep(seconds)
    _, status = os.waitpid(pid, 0)
    ended = float(os.read(reader, 100))
    return {"pid": pid, "started": "zombie", "status": os.waitstatus_to_exitcode(status), "ended": ended}


def main():
    options = truth.arguments(__doc__, exec=0)
    seconds = options.seconds / 3
    if options.exec:
        work_of_exec(seconds)
        sys.exit(3)
    os.environ[TIMES] = str(pathlib.Path(tempfile.mkdtemp(prefix="pam-family-"), "times"))
    truth.ready()
    time.sleep(seconds / 4)
    told, tells = multiprocessing.Pipe(False)
    parent = multiprocessing.get_context("fork").Process(target=with_grandchild, args=(seconds, tells))
    parent.start()
    children = [
        (by_multiprocessing("fork", work_of_fork, seconds), "fork", work_of_fork),
        (by_multiprocessing("fork", work_of_thread, seconds), "fork, with a thread", burn),
        (by_multiprocessing("spawn", work_of_spawn, seconds), "spawn", work_of_spawn),
        (by_multiprocessing("forkserver", work_of_forkserver, seconds), "forkserver", work_of_forkserver),
    ]
    command = subprocess.Popen([sys.executable, __file__, "--exec", "1", "--seconds", str(options.seconds)])
    other = subprocess.Popen(["sleep", str(seconds)])
    ended = [zombie(seconds / 2)]
    ended += [finish(*child) for child in children]
    ended.append({"pid": command.pid, "started": "exec", "function": "work_of_exec", "status": command.wait()})
    ended.append({"pid": other.pid, "started": "not Python", "status": other.wait()})
    ended.append({"pid": told.recv(), "started": "grandchild", "function": "work_of_grandchild", "status": None})
    parent.join()
    took = times()
    shutil.rmtree(pathlib.Path(os.environ[TIMES]).parent)
    truth.tell(children=[{**child, "seconds": took.get(child["pid"])} for child in ended])


if __name__ == "__main__":
    main()
