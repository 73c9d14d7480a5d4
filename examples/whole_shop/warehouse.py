"""The warehouse: a program of somebody else, which knows NATS and nothing of the log. It notes each order that it is handed.

    python -m whole_shop.warehouse nats://127.0.0.1:4222 packed.jsonl

It watches a bucket that holds what is to be shipped. What it has noted is in its file, by order: seen again after a restart, an order is not packed twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import nats
from nats.js.errors import NotFoundError

BUCKET = "to_ship"


async def work(url: str, file: Path) -> None:
    """Note what comes into the bucket, until somebody asks to end."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    packed = _packed(file)
    client = await nats.connect(url, name="warehouse")
    stream = client.jetstream()
    while not ended.is_set():
        try:
            bucket = await stream.key_value(BUCKET)
        except NotFoundError:  # nothing was handed over yet
            await asyncio.sleep(0.1)
            continue
        watched = await bucket.watch("row.>")
        with file.open("a", encoding="utf-8") as notes:
            while not ended.is_set():
                try:
                    entry = await watched.updates(timeout=0.2)  # type: ignore[no-untyped-call]
                except TimeoutError:
                    continue
                if entry is None or entry.operation is not None:  # all there was; or an order that left
                    continue
                row = json.loads(entry.value or b"{}")
                if row["order_id"] not in packed:
                    packed.add(row["order_id"])
                    notes.write(json.dumps(row) + "\n")
                    notes.flush()
                    os.fsync(notes.fileno())
    await client.close()


def _packed(file: Path) -> set[str]:
    """The orders that it has noted; a line that was being written when it was killed is cut off."""
    if not file.exists():
        return set()
    text = file.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        file.write_bytes(whole)
    return {json.loads(line)["order_id"] for line in whole.splitlines()}


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], Path(sys.argv[2])))
