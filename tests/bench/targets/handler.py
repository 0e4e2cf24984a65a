"""An asyncio server whose handler has a little work to do at once; the bench asks and takes the time."""

import asyncio
import json
import sys
import threading

import page

REPLY = {f"key {number}": [number, str(number)] for number in range(100)}


async def handle(reader, writer):
    while request := await reader.readline():
        body = json.dumps({**REPLY, "of": request.decode()}).encode()
        writer.write(b"%d\n" % len(json.loads(body)))
        await writer.drain()


async def main():
    server = await asyncio.start_unix_server(handle, sys.argv[1] + ".socket")
    threading.Thread(target=page.ready, daemon=True).start()
    await server.serve_forever()


asyncio.run(main())
