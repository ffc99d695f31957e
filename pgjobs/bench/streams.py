"""Viewers of the benchmark: so many event streams of one path, read to their end, and what each of them was told.

`python -m pgjobs.bench.streams PORT VIEWERS PATH`: "ready" stands on stdout when each has had its first event. When
all of them have ended, one line of JSON follows: {"cpu", "viewers": [{"events", "last", "sent"}]}.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import time
from dataclasses import asdict, dataclass

HOST = "127.0.0.1"
NAME = re.compile(rb"event: (\S+)")
SENT = re.compile(rb"<dt>sent</dt><dd>([^<]*)</dd>")
BUFFER = 1 << 20


@dataclass
class Told:
    """What one viewer was told: how many events, what the last one is called, and how many records it says are sent."""

    events: int = 0
    last: str = ""
    sent: int = -1


async def watch(port: int, path: str, begun: asyncio.Event) -> Told:
    """One event stream to its end."""
    told = Told()
    reader, writer = await asyncio.open_connection(HOST, port, limit=BUFFER)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAccept: text/event-stream\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 200 "):
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                # A block of the stream lies in a chunk of its own.
                event = await reader.readuntil(b"\n\n")
                if (name := NAME.search(event)) is None:
                    continue
                told.events += 1
                told.last = name[1].decode()
                if (sent := SENT.search(event)) is not None:
                    told.sent = int(re.sub(rb"\D", b"", sent[1]) or b"-1")
                begun.set()
                if told.last == "ended":
                    break
    begun.set()
    writer.close()
    return told


async def all_of_them(port: int, viewers: int, path: str) -> list[Told]:
    """So many side by side."""
    begun = [asyncio.Event() for _ in range(viewers)]
    watching = asyncio.gather(*(watch(port, path, each) for each in begun))
    for each in begun:
        await each.wait()
    print("ready", flush=True)
    return await watching


def main(port: str, viewers: str, path: str) -> None:
    """Watch, and say what was seen."""
    cpu = time.process_time()
    seen = asyncio.run(all_of_them(int(port), int(viewers), path))
    answer = {"cpu": time.process_time() - cpu, "viewers": [asdict(told) for told in seen]}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
