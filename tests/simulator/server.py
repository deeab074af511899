# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The partners' APIs, with faults on request.

``POST /_control/faults`` with ``[{"path": "/api/track", "status": 500, "times": 2,
"headers": {}, "delay": 0, "body": "…", "cut": false}]`` makes the next calls whose
path starts so fail in that way; ``GET /_control/log`` lists the calls received.
"""

import base64
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import easypost, ups


class Handler(BaseHTTPRequestHandler):
    """Answers as the partner whose path it is."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._handle()

    def do_POST(self):
        self._handle()

    def log_message(self, *args):
        """Say nothing; the log is at /_control/log."""

    def _handle(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        server = self.server
        if self.path == "/_control/faults":
            server.faults = json.loads(body)
            return self._answer(200, {"faults": len(server.faults)})
        if self.path == "/_control/log":
            return self._answer(200, server.calls)
        server.calls.append({"method": self.command, "path": self.path})
        if self._fail():
            return None
        if self.path == "/security/v1/oauth/token":
            return self._token()
        if self.path.startswith("/api/track/v1/details/"):
            return self._ups_track()
        if self.path.startswith("/v2/trackers"):
            return self._easypost_tracker()
        return self._answer(
            404, {"error": {"code": "NOT_FOUND", "message": "Not found"}}
        )

    def _fail(self):
        for fault in self.server.faults:
            if not self.path.startswith(fault["path"]) or fault.get("times") == 0:
                continue
            fault["times"] = fault.get("times", 1) - 1
            time.sleep(fault.get("delay", 0))
            if fault.get("cut"):
                self.close_connection = True
                self.connection.close()
                return True
            if "status" in fault:
                text = fault.get("body", "{}")
                self._answer(fault["status"], text, fault.get("headers"))
                return True
        return False

    def _token(self):
        given = self.headers.get("Authorization", "")
        expected = base64.b64encode(":".join(self.server.ups_client).encode()).decode()
        if given != f"Basic {expected}":
            error = {"code": "10401", "message": "ClientId is Invalid"}
            return self._answer(401, {"response": {"errors": [error]}})
        token = secrets.token_hex(16)
        self.server.tokens.add(token)
        return self._answer(
            200, {"token_type": "Bearer", "access_token": token, "expires_in": "14399"}
        )

    def _ups_track(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.server.tokens:
            error = {"code": "250002", "message": "Invalid Authentication Information."}
            return self._answer(401, {"response": {"errors": [error]}})
        number = self.path.rsplit("/", 1)[1].split("?")[0]
        return self._answer(*ups.track_answer(self.server.world.parcels.get(number)))

    def _easypost_tracker(self):
        number = self.path.rsplit("=", 1)[-1].rsplit("/", 1)[-1]
        parcel = self.server.world.parcels.get(number)
        found = [easypost.tracker(parcel)] if parcel else []
        return self._answer(200, {"trackers": found, "has_more": False})

    def _answer(self, status, body, headers=None):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def start(world, port=0, ups_client=("demo-ups-client", "demo-ups-client-secret")):
    """Start the APIs in a thread; ``server_address`` tells the port."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.world, server.ups_client = world, ups_client
    server.faults, server.calls, server.tokens = [], [], set()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
