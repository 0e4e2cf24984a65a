"""Speaks the part of MQTT 3.1.1 that publishing and subscribing at QoS 0 needs, as broker and as client."""

import socket
from collections import defaultdict

from loopback_server import LoopbackServer
from worker import Pool, Worker

PUBLISH, SUBSCRIBE, SUBACK = 0x30, 0x82, 0x90


def encode(kind, body):
    size, length = bytearray(), len(body)
    while True:
        length, digit = length >> 7, length & 0x7F
        size.append(digit | 0x80 if length else digit)
        if not length:
            return bytes([kind]) + size + body


def take(buffer):
    """Take one packet off the front of the buffer; None when it is not all there yet."""
    length = 0
    for at, byte in enumerate(buffer[1:5]):
        length |= (byte & 0x7F) << (7 * at)
        if not byte & 0x80:
            start = at + 2
            break
    else:
        return None
    if len(buffer) < start + length:
        return None
    kind, body = buffer[0], bytes(buffer[start:start + length])
    del buffer[:start + length]
    return kind, body


def join_topic(topic, rest):
    name = topic.encode()
    return len(name).to_bytes(2, "big") + name + rest


def split_topic(body):
    end = 2 + int.from_bytes(body[:2], "big")
    return body[2:end].decode(), body[end:]


class Broker(LoopbackServer):
    def __init__(self):
        super().__init__("mqtt-broker")
        self._subscribers = defaultdict(set)

    def handle(self, client, buffer):
        while (packet := take(buffer)) is not None:
            kind, body = packet
            if kind == SUBSCRIBE:
                topic, _ = split_topic(body[2:])
                self._subscribers[topic].add(client)
                client.sendall(encode(SUBACK, body[:2] + b"\0"))
            elif kind == PUBLISH:
                topic, _ = split_topic(body)
                for subscriber in self._subscribers[topic]:
                    subscriber.sendall(encode(PUBLISH, body))

    def forget(self, client):
        for clients in self._subscribers.values():
            clients.discard(client)


class Reader(Worker):
    def __init__(self, connection, deliver):
        super().__init__("MQTTProxy-Recv")
        self._connection = connection
        self._deliver = deliver
        self._buffer = bytearray()

    def step(self):
        try:
            data = self._connection.recv(65536)
        except TimeoutError:
            return
        if not data:
            self.pause(1)
        self._buffer += data
        while (packet := take(self._buffer)) is not None:
            if packet[0] == PUBLISH:
                self._deliver(*split_topic(packet[1]))


class MqttProxy:
    def __init__(self, address, topic, deliver):
        self._connection = socket.create_connection(address)
        self._connection.settimeout(0.2)
        self._connection.sendall(encode(SUBSCRIBE, b"\0\1" + join_topic(topic, b"\0")))
        self._reader = Reader(self._connection, deliver)
        self._pool = Pool("MQTTProxy")

    def start(self):
        self._reader.start()

    def stop(self):
        self._reader.stop()
        self._pool.stop()
        self._connection.close()

    async def publish(self, topic, payload):
        await self._pool.call(self._connection.sendall, encode(PUBLISH, join_topic(topic, payload)))
