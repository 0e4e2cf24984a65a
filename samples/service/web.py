"""Answers small HTTP requests with JSON on the event loop."""

import asyncio
import json

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found"}
MAX_BODY = 1 << 20


class WebServer:
    """routes maps "METHOD /path" to a function that takes the decoded body and returns (status, answer)."""

    def __init__(self, routes):
        self._routes = routes
        self._server = None

    async def start(self, port):
        """Listen on loopback; return the port, which the kernel chooses for 0."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        try:
            status, answer = await asyncio.wait_for(self._answer(reader), 5)
            body = json.dumps(answer).encode() + b"\n"
            writer.write(f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n"
                         f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(":", 1) for line in head[1:] if ":" in line)
        route = self._routes.get(" ".join(head[0].split()[:2]))
        try:
            length = int(headers.get("content-length", 0))
            if not 0 <= length <= MAX_BODY:
                raise ValueError(f"a body of {length} bytes")
            body = json.loads(await reader.readexactly(length) or b"null")
        except ValueError as error:
            return 400, {"error": str(error)}
        return route(body) if route else (404, {"error": "no such path"})
