"""Serves several TCP clients on a loopback port from one thread."""

import selectors
import socket

from worker import Worker


class LoopbackServer(Worker):
    """A subclass takes whole messages out of the buffer that handle() is given."""

    def __init__(self, name):
        super().__init__(name)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._buffers = {}

    def handle(self, client, buffer):
        raise NotImplementedError

    def forget(self, client):
        """Called when a client has gone."""

    def step(self):
        for key, _ in self._selector.select(timeout=0.2):
            if key.fileobj is self._listener:
                self._accept()
            else:
                self._read(key.fileobj)

    def _accept(self):
        client, _ = self._listener.accept()
        self._buffers[client] = bytearray()
        self._selector.register(client, selectors.EVENT_READ)

    def _read(self, client):
        try:
            data = client.recv(65536)
        except ConnectionError:
            data = b""
        if data:
            self._buffers[client] += data
            self.handle(client, self._buffers[client])
        else:
            self.forget(client)
            self._selector.unregister(client)
            del self._buffers[client]
            client.close()

    def stop(self):
        super().stop()
        for client in self._buffers:
            client.close()
        self._listener.close()
        self._selector.close()
