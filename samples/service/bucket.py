"""Uploads flight logs: compresses and signs them, then waits as long as a cloud would take."""

import hashlib
import time
import zlib

from worker import Pool


class S3BucketProxy:
    def __init__(self):
        self._pool = Pool("S3BucketProxy")

    def start(self):
        """Nothing to start: the thread comes with the first upload."""

    def stop(self):
        self._pool.stop()

    async def upload(self, log):
        return await self._pool.call(self._put_object, log)

    def _put_object(self, log):
        body = zlib.compress(log, 6)
        signature = hashlib.sha256(body).hexdigest()
        time.sleep(0.15)  # the round trip
        return signature
