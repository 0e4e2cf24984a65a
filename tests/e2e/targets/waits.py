"""Threads that wait, each in something else, until the end.

Truth: what pamconvert has to say of each thread, by its name.
"""

import os
import platform
import select
import socket
import sys
import tempfile
import threading
import time

import truth

# 64-bit ARM has only those system calls that take a signal mask, too.
POLL, EPOLL = {"aarch64": ("ppoll", "epoll_pwait")}.get(platform.machine(), ("poll", "epoll_wait"))
EXPECTED = {}


def wait_in(what, function):
    name = f"waiter-{len(EXPECTED)}"
    EXPECTED[name] = what
    threading.Thread(target=function, name=name, daemon=True).start()


def poll(timeout):
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    poller.poll(timeout)


options = truth.arguments(__doc__)
pipe, _ = os.pipe()
server = socket.create_server(("127.0.0.1", 0))
address = "127.0.0.1:%d" % server.getsockname()[1]
client = socket.create_connection(server.getsockname())
impatient = socket.create_connection(server.getsockname())
impatient.settimeout(75)
left, right = socket.socketpair()
named = socket.socket(socket.AF_UNIX)
path = os.path.join(tempfile.mkdtemp(), "a socket")
named.bind(path)
named.listen()
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", 0))
on = "127.0.0.1:%d" % datagrams.getsockname()[1]
six = socket.create_server(("::1", 0), family=socket.AF_INET6) if socket.has_ipv6 else None
lock = threading.Lock()
lock.acquire()
backlog = [server.accept(), server.accept()]

wait_in(f"recvfrom(socket {address})", lambda: client.recv(1))
wait_in(f"{POLL}(socket {address}, timeout 75 s)", lambda: impatient.recv(1))
wait_in(f"accept4(socket {address})", lambda: server.accept())
wait_in("recvfrom(unix socket)", lambda: left.recv(1))
wait_in(f"accept4(unix socket {path})", lambda: named.accept())
wait_in(f"recvfrom(udp socket {on})", lambda: datagrams.recv(1))
wait_in("read(pipe)", lambda: os.read(pipe, 1))
wait_in(f"{POLL}(pipe, timeout 65 s)", lambda: poll(65_000))
wait_in(f"{POLL}(pipe)", lambda: poll(None))
wait_in(f"{EPOLL}(timeout 70 s)", lambda: select.epoll().poll(70))
wait_in(EPOLL, lambda: select.epoll().poll())
wait_in("pselect6(timeout 80 s)|select(timeout 80 s)", lambda: select.select([pipe], [], [], 80))
wait_in("futex", lock.acquire)
# Before 3.11 time.sleep() is a select() without files, whose timeout can be seen.
wait_in("clock_nanosleep" if sys.version_info >= (3, 11) else "pselect6(timeout 90 s)", lambda: time.sleep(90))
if hasattr(os, "eventfd"):
    event = os.eventfd(0)
    wait_in("read(eventfd)", lambda: os.read(event, 8))
if six:
    wait_in("accept4(socket [::1]:%d)" % six.getsockname()[1], lambda: six.accept())
time.sleep(0.3)
truth.ready()
time.sleep(options.seconds)
os.unlink(path)
truth.tell(waits=EXPECTED)
os._exit(0)
