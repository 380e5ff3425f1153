"""A real Ray cluster of two nodes on this machine, in a process of its own, for the tests of `evol ray`.

    python ray_cluster.py FOLDER

Prints its address. The line "remove" on stdin kills the second node, "serve" starts a chat route behind Ray Serve and
prints its base URL; the end of stdin ends the cluster.
"""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray.cluster_utils import Cluster

STORE_BYTES = 100 * 2**20


def serve_chat(address: str) -> str:
    """A deployment without a model that answers chat calls, behind Serve's HTTP proxy; its base URL."""
    from ray import serve
    from starlette.requests import Request

    @serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 0})
    class Chat:
        async def __call__(self, request: Request) -> dict[str, Any]:
            from fake_server import reply_to

            body = await request.json()
            message = {"role": "assistant", "content": reply_to(body)}
            return {
                "object": "chat.completion",
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 5},
            }

    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    serve.start(http_options={"host": "127.0.0.1", "port": 0})
    serve.run(Chat.bind(), route_prefix="/v1/chat/completions")
    return "unknown"


def main() -> None:
    """Start the cluster and do what stdin says."""
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 2,
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
            "temp_dir": sys.argv[1],
        },
    )
    second = cluster.add_node(num_cpus=2, object_store_memory=STORE_BYTES)
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "remove":
            cluster.remove_node(second, allow_graceful=False)
            print("removed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
