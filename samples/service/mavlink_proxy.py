"""Links the event loop with the autopilot: one thread receives, one sends, one moves files."""

import queue
import socket
import zlib

import mavlink
from worker import Pool, Worker


def udp_pair():
    """Return two UDP sockets on loopback, each connected to the other."""
    ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for end in ends:
        end.bind(("127.0.0.1", 0))
    ends[0].connect(ends[1].getsockname())
    ends[1].connect(ends[0].getsockname())
    return ends


class Receiver(Worker):
    def __init__(self, link, deliver):
        super().__init__("MavLinkExternalProxy-Recv")
        self._link = link
        self._deliver = deliver
        self.bad_frames = 0

    def step(self):
        try:
            frame = self._link.recv(512)
        except (TimeoutError, ConnectionError):
            return
        try:
            self._deliver(*mavlink.unpack(frame))
        except ValueError:
            self.bad_frames += 1


class Sender(Worker):
    def __init__(self, link):
        super().__init__("MavLinkExternalProxy-Send")
        self._link = link
        self._outbox = queue.Queue()
        self._sequence = 0

    def put(self, name, fields):
        self._outbox.put((name, fields))

    def step(self):
        try:
            name, fields = self._outbox.get(timeout=0.05)
        except queue.Empty:
            return
        try:
            self._link.send(mavlink.pack(name, fields, self._sequence, system=255))
        except ConnectionError:
            pass
        self._sequence += 1


class MavLinkProxy:
    def __init__(self, link, deliver):
        self._link = link
        self._link.settimeout(0.2)
        self._receiver = Receiver(link, deliver)
        self._sender = Sender(link)
        self._files = Pool("MavLinkFTPProxyWorker")

    def start(self):
        self._receiver.start()
        self._sender.start()

    def stop(self):
        self._receiver.stop()
        self._sender.stop()
        self._files.stop()
        self._link.close()

    def send(self, name, *fields):
        self._sender.put(name, fields)

    async def read_file(self, content):
        return await self._files.call(self._read_in_bursts, content)

    @staticmethod
    def _read_in_bursts(content, burst=239):
        checksum = 0
        for offset in range(0, len(content), burst):
            checksum = zlib.crc32(content[offset:offset + burst], checksum)
        return checksum
