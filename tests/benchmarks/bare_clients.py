"""What a client costs by itself: the same request bodies, no run around them. Started as a process of its own.

    python tests/benchmarks/bare_clients.py aiohttp|openai URL BODIES CONCURRENCY

`aiohttp` is the floor: uvloop, one session without a connection limit, bodies serialised beforehand, each reply parsed
with orjson and its content looked at. `openai` is `AsyncOpenAI` as it comes, on uvloop. BODIES holds one JSON request
body a line. Prints how many replies came back.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import uvloop


async def run_workers(bodies: list[bytes], concurrency: int, ask: Callable[[bytes], Awaitable[int]]) -> int:
    """Ask everything with this many workers over one list; the sum of what `ask` counts."""
    pending = iter(bodies)

    async def work() -> int:
        return sum([await ask(body) for body in pending])

    return sum(await asyncio.gather(*(work() for _ in range(concurrency))))


async def run_aiohttp(url: str, bodies: list[bytes], concurrency: int) -> int:
    """The bare aiohttp client."""
    import aiohttp

    target = f"{url}/chat/completions"
    headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(body: bytes) -> int:
            async with session.post(target, data=body, headers=headers) as response:
                reply = orjson.loads(await response.read())
            return 1 if reply["choices"][0]["message"]["content"] else 0

        return await run_workers(bodies, concurrency, ask)


async def run_openai(url: str, bodies: list[bytes], concurrency: int) -> int:
    """The SDK's own client."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=url, api_key="none") as client:

        async def ask(body: bytes) -> int:
            reply = await client.chat.completions.create(**orjson.loads(body))
            return 1 if reply.choices[0].message.content else 0

        return await run_workers(bodies, concurrency, ask)


def main() -> None:
    """Make the calls."""
    name, url, path, concurrency = sys.argv[1:]
    bodies = Path(path).read_bytes().splitlines()
    client = {"aiohttp": run_aiohttp, "openai": run_openai}[name]
    replies = uvloop.run(client(url, bodies, int(concurrency)))
    sys.stdout.write(orjson.dumps({"replies": replies}).decode() + "\n")


if __name__ == "__main__":
    main()
