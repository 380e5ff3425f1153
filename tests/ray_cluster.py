"""A real Ray cluster of two nodes on this machine, in a process of its own, for the tests of `evol ray`.

    python ray_cluster.py FOLDER

Prints its address. A line on stdin is done and answered with one: "remove" kills the second node, "add" brings another,
"serve" puts a chat route behind Ray Serve's HTTP proxy and answers with its base URL; the end of stdin ends everything.
Answers stand after "-> ", for Ray prints to stdout as well.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray.cluster_utils import Cluster

NODE = {"num_cpus": 2, "object_store_memory": 100 * 2**20}


def serve_chat(address: str) -> str:
    """Deploy two replicas of a chat route without a model; its base URL."""
    from ray import serve
    from starlette.requests import Request

    # the class travels by value, and finds the replies of the other tests by this path
    tests = str(Path(__file__).parent)

    @serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 0})
    class Chat:
        async def __call__(self, request: Request) -> dict[str, Any]:
            sys.path[:] = [tests, *(path for path in sys.path if path != tests)]
            from fake_server import reply_to

            body = await request.json()
            message = {"role": "assistant", "content": reply_to(body)}
            return {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 5},
            }

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
    serve.run(Chat.bind(), route_prefix="/v1/chat/completions")  # type: ignore[attr-defined]
    return f"http://127.0.0.1:{port}/v1"


def main() -> None:
    """Start the cluster and do what stdin says."""
    (Path(tempfile.gettempdir()) / "ray").mkdir(exist_ok=True)  # where Ray notes the address, and does not make it
    cluster = Cluster(
        initialize_head=True, head_node_args={**NODE, "include_dashboard": False, "temp_dir": sys.argv[1]}
    )
    second = cluster.add_node(**NODE)
    print(f"-> {cluster.address}", flush=True)
    for line in sys.stdin:
        match line.strip():
            case "remove":
                cluster.remove_node(second, allow_graceful=False)
                print("-> removed", flush=True)
            case "add":
                second = cluster.add_node(**NODE)
                print("-> added", flush=True)
            case "serve":
                print(f"-> {serve_chat(cluster.address)}", flush=True)
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
