"""A service for web servers with workers: `asgi` for uvicorn, `wsgi` for gunicorn.

Truth: the answer to a request is the worker's pid and the CPU seconds of the request's function.
"""

import json
import os
import time


def handle():
    begin, end = time.thread_time(), time.monotonic() + 0.02
    while time.monotonic() < end:
        pass
    return time.thread_time() - begin


def answer():
    return json.dumps({"cpu": handle(), "pid": os.getpid()}).encode()


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": answer()})


def wsgi(environment, start_response):
    start_response("200 OK", [])
    return [answer()]
