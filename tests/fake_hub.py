"""A Hugging Face Hub on a local socket, as much of it as one commit to a dataset repository needs."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeHub:
    """Answers the requests of `huggingface_hub` and keeps what was committed; a context manager.

    Attributes:
        files: committed files by name.
        repositories: (name, private) of each that was made.
        messages: of the commits.
        tokens: the Authorization headers seen.
        refuse: status to answer commits with, 0 for success.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.repositories: list[tuple[str, bool]] = []
        self.messages: list[str] = []
        self.tokens: set[str] = set()
        self.refuse = 0
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                token = self.headers.get("Authorization", "")
                if token or self.path == "/api/validate-yaml":  # which is open to all
                    hub.tokens |= {token} - {""}
                    status, found = hub.respond(self.path, body)
                else:
                    status, found = 401, {"error": "no token"}
                content = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeHub:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def respond(self, path: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON of one request."""
        if self.refuse:
            return self.refuse, {"error": "refused"}
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            self.repositories.append((name, bool(asked.get("private", asked.get("visibility") == "private"))))
            return 200, {"url": f"{self.url}/datasets/{name}"}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if "/preupload/" in path:
            names = [file["path"] for file in json.loads(body)["files"]]
            return 200, {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]}
        if "/commit/" in path:
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "header":
                    self.messages.append(value["summary"])
                else:
                    self.files[value["path"]] = base64.b64decode(value["content"])
            repository = path.partition("/commit/")[0].removeprefix("/api")
            return 200, {"commitUrl": f"{self.url}{repository}/commit/1", "commitOid": "1" * 40, "success": True}
        return 404, {"error": f"no such address {path}"}
