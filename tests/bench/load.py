# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Sends prepared requests over keep-alive connections; its own process.

Reads one JSON line (port, connections, file of requests) from standard input and
prints one: seconds, latencies in milliseconds and statuses. The requests lie ready
before the clock starts, so that making them costs nobody anything.
"""

import asyncio
import json
import pickle
import sys
import time


async def _connection(port, requests, latencies, statuses):
    reader = writer = None
    for request in requests:
        started = time.perf_counter()
        if writer is None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        place = lower.find(b"content-length:")
        length = (
            int(lower[place + 15 : lower.index(b"\r\n", place)]) if place >= 0 else 0
        )
        if length:
            await reader.readexactly(length)
        latencies.append((time.perf_counter() - started) * 1000)
        status = int(head[9:12])
        statuses[status] = statuses.get(status, 0) + 1
        if b"connection: close" in lower or head.startswith(b"HTTP/1.0"):
            writer.close()
            writer = None
    if writer is not None:
        writer.close()


async def _run(port, connections, requests):
    latencies, statuses = [], {}
    todo = iter(requests)  # shared: whoever is free takes the next
    started = time.perf_counter()
    await asyncio.gather(
        *(_connection(port, todo, latencies, statuses) for _n in range(connections))
    )
    return {
        "seconds": time.perf_counter() - started,
        "latencies": latencies,
        "statuses": statuses,
    }


def main():
    for line in sys.stdin:
        order = json.loads(line)
        with open(order["requests"], "rb") as file:
            requests = pickle.load(file)
        answer = asyncio.run(_run(order["port"], order["connections"], requests))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
