"""Speaks the Redis protocol (RESP) as server and as client: SET, GET, PUBLISH and SUBSCRIBE."""

import socket
from collections import defaultdict

from loopback_server import LoopbackServer
from worker import Pool, Worker


def encode(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def take(buffer):
    """Take one array of strings off the front of the buffer; None when it is not all there yet."""
    end = buffer.find(b"\r\n")
    if end < 0:
        return None
    words, at = [], end + 2
    for _ in range(int(buffer[1:end])):
        end = buffer.find(b"\r\n", at)
        if end < 0:
            return None
        start, size = end + 2, int(buffer[at + 1:end])
        if len(buffer) < start + size + 2:
            return None
        words.append(bytes(buffer[start:start + size]))
        at = start + size + 2
    del buffer[:at]
    return words


class RedisServer(LoopbackServer):
    def __init__(self):
        super().__init__("redis-server")
        self._values = {}
        self._subscribers = defaultdict(set)

    def handle(self, client, buffer):
        while (words := take(buffer)) is not None:
            client.sendall(self._answer(client, *words))

    def forget(self, client):
        for clients in self._subscribers.values():
            clients.discard(client)

    def _answer(self, client, command, key, value=b""):
        if command == b"SUBSCRIBE":
            self._subscribers[key].add(client)
            return encode("subscribe", key, 1)
        if command == b"PUBLISH":
            for subscriber in self._subscribers[key]:
                subscriber.sendall(encode("message", key, value))
            return encode(len(self._subscribers[key]))
        if command == b"SET":
            self._values[key] = value
            return encode("OK")
        return encode(self._values.get(key, b""))


class Connection:
    def __init__(self, address):
        self._socket = socket.create_connection(address)
        self._socket.settimeout(0.2)
        self._buffer = bytearray()

    def send(self, *words):
        self._socket.sendall(encode(*words))

    def receive(self):
        """Return the next array; None after a quiet moment."""
        while (words := take(self._buffer)) is None:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            if not data:
                raise ConnectionError("the server has gone")
            self._buffer += data
        return words

    def close(self):
        self._socket.close()


class Subscriber(Worker):
    def __init__(self, address, channel, deliver):
        super().__init__("RedisProxy-PubSub")
        self._connection = Connection(address)
        self._connection.send("SUBSCRIBE", channel)
        self._deliver = deliver

    def step(self):
        words = self._connection.receive()
        if words and words[0] == b"message":
            self._deliver(words[1].decode(), words[2])

    def stop(self):
        super().stop()
        self._connection.close()


class RedisProxy:
    def __init__(self, address, channel, deliver):
        self._connection = Connection(address)
        self._subscriber = Subscriber(address, channel, deliver)
        self._pool = Pool("RedisProxy")

    def start(self):
        self._subscriber.start()

    def stop(self):
        self._subscriber.stop()
        self._pool.stop()
        self._connection.close()

    async def publish(self, channel, message):
        return await self._pool.call(self._command, "PUBLISH", channel, message)

    async def set(self, key, value):
        return await self._pool.call(self._command, "SET", key, value)

    def _command(self, *words):
        self._connection.send(*words)
        return self._connection.receive()
