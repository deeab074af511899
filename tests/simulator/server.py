# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The partners' APIs over HTTP, with faults and a control API; see README.md."""

import json
import socket
import struct
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from . import (
    chronopost,
    dhl_express,
    easypost,
    faults as trouble,
    fedex,
    matrix,
    sendcloud,
    ups,
)
from .state import KINDS, STYLES, State
from .wire import Answer, Refusal, Request

PARTNERS = {
    module.NAME: module
    for module in (matrix, easypost, sendcloud, ups, fedex, dhl_express, chronopost)
}
NOT_FOUND = Answer(404, {"error": {"code": "NOT_FOUND", "message": "Not found"}})
OVERSIZE = 32 * 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """Answers as the partner whose path it is."""

    protocol_version = "HTTP/1.1"
    # Head and body leave together, or each answer waits for the client's delayed ACK.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def do_GET(self):
        self._handle()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def log_message(self, *args):
        """Say nothing; the log is at /_control/calls."""

    def _handle(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            parts.path,
            parse_qs(parts.query, keep_blank_values=True),
            self.headers,
            body,
            "http://{}:{}".format(*self.server.server_address[:2]),
        )
        if request.path.startswith("/_control/"):
            return self._send(control(request, self.server))
        call = {"at": time.monotonic()}
        try:
            self._play(request, call)
        except (BrokenPipeError, ConnectionResetError):
            # The client has had enough; partners do not mind, either.
            self.close_connection = True
        finally:
            call["until"] = time.monotonic()
        return None

    def _play(self, request, call):
        server = self.server
        module, route, groups = find_route(request)
        partner = module.NAME if module else ""
        with server.state.lock:
            reference = asked_for(route, request, server.state, groups)
            call.update(
                partner=partner,
                method=request.method,
                path=self.path,
                reference=reference or "",
                books=reference is not None,
                key=request.header("Idempotency-Key"),
            )
            server.calls.append(call)
            if reference is not None:
                server.ledger.asked[reference] += 1
            struck = trouble.due(server.faults, request.method, self.path, partner)
        for fault in struck:
            request.half |= bool(fault.get("half"))
            if fault.get("expire"):
                server.state.expire_tokens(partner)
                request.denied = True
        early = [fault for fault in struck if not trouble.after_effect(fault)]
        answer = self._misbehave(early, partner, None)
        if answer is None:
            answer = perform(server, module, route, groups, request, reference)
            late = [fault for fault in struck if trouble.after_effect(fault)]
            before = dict(server.previous)
            server.previous[partner, True] = answer
            if reference is not None and answer.status < 300:
                server.previous[partner, "booking"] = answer
            answer = self._misbehave(late, partner, answer, before) or answer
        if isinstance(answer, Answer):
            call["status"] = answer.status
            self._send(answer)

    def _misbehave(self, struck, partner, answer, before=None):
        """Return the answer to give, None for the real one, True if none is due.

        ``before`` are the answers that were given before this one.
        """
        for fault in struck:
            time.sleep(fault.get("delay", 0))
            if fault.get("again"):
                known = self.server.previous if before is None else before
                return known.get((partner, fault["again"])) or NOT_FOUND
            if fault.get("maintenance"):
                return Answer(200, trouble.MAINTENANCE, "text/html; charset=utf-8")
            if "status" in fault:
                headers = dict(fault.get("headers") or {})
                if "retry_after" in fault:
                    headers["Retry-After"] = trouble.retry_after(fault["retry_after"])
                answer = Answer(fault["status"], fault.get("body", "{}"), "", headers)
                if fault.get("cut") != "body":
                    return answer
            if fault.get("cut") == "body":
                return self._cut_body(answer)
            if fault.get("cut"):
                return self._cut(fault["cut"])
            if fault.get("malformed"):
                data, kind = trouble.malform(answer.data(), fault["malformed"])
                kind = kind or answer.content_type
                return Answer(answer.status, data, kind, answer.headers)
            if fault.get("oversize"):
                size = OVERSIZE if fault["oversize"] is True else fault["oversize"]
                return self._stream(answer, size)
            if fault.get("drip"):
                return self._drip(answer, float(fault["drip"]))
        return None

    def _cut(self, how):
        self.close_connection = True
        if how == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.rfile.close()
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        return True

    def _cut_body(self, answer):
        data = answer.data()
        self._head(answer, len(data))
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        return self._cut("close")

    def _stream(self, answer, size):
        """Send an answer with blanks after it, up to ``size`` bytes in all."""
        data, block = answer.data(), b" " * 65536
        size = max(size, len(data))
        self._head(answer, size)
        self.wfile.write(data)
        for start in range(len(data), size, len(block)):
            self.wfile.write(block[: size - start])
        return True

    def _drip(self, answer, seconds):
        data = answer.data()
        self._head(answer, len(data))
        for index in range(len(data)):
            self.wfile.write(data[index : index + 1])
            self.wfile.flush()
            time.sleep(seconds)
        return True

    def _head(self, answer, length):
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type or "application/json")
        self.send_header("Content-Length", str(length))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, answer):
        data = b"" if answer.status == 204 else answer.data()
        self._head(answer, len(data))
        self.wfile.write(data)


def find_route(request):
    """Return (partner's module, route, groups) of a call, or (None, None, ()).

    A first segment that names a partner is its prefix: where two partners' paths
    could meet, a connector's address may end in it.
    """
    modules = list(PARTNERS.values())
    _, first, *rest = request.path.split("/", 2)
    if first in PARTNERS and first != matrix.NAME:
        modules, request.path = [PARTNERS[first]], "/" + "".join(rest)
    for module in modules:
        for route in module.ROUTES:
            groups = route.match(request.method, request.path)
            if groups is not None:
                # Only now: a reference such as WH/OUT/1 has slashes of its own.
                groups = tuple(group and unquote(group) for group in groups)
                return module, route, groups
    return (modules[0] if len(modules) == 1 else None), None, ()


def asked_for(route, request, state, groups):
    """Return our reference of a call that books, None for any other call."""
    if route is None or route.reference is None:
        return None
    try:
        return route.reference(request, state, *groups)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # A body in no order: whatever it asks for, it names no reference.
        return ""


def perform(server, module, route, groups, request, reference):
    """Do what a call asks for and return the partner's answer."""
    state = server.state
    if route is None:
        return NOT_FOUND
    key = request.header("Idempotency-Key") or reference
    mark = (module.NAME, key)
    with state.lock:
        keyed = bool(reference is not None and key and state.honours_keys(module.NAME))
        if keyed and mark in state.answers and not request.denied:
            return Answer(
                200, state.answers[mark].body, state.answers[mark].content_type
            )
        before = len(state.ledger.bookings)
        try:
            answer = route.answer(request, state, *groups)
        except Refusal as refusal:
            answer = refusal.answer
        except Exception:
            # A fault of the simulator's must not look like one of the partner's.
            server.broken.append(traceback.format_exc())
            return Answer(599, {"simulator": server.broken[-1]})
        if not isinstance(answer, Answer):
            answer = Answer(*answer)
        if keyed and len(state.ledger.bookings) > before:
            state.answers[mark] = answer
    return answer


def control(request, server):
    """Answer the tests' own questions and orders."""
    what = request.path.removeprefix("/_control/")
    state = server.state
    asked = json.loads(request.body or b"null")
    with state.lock:
        if what == "faults" and request.method == "POST":
            server.faults = asked
            return Answer(200, {"faults": len(server.faults)})
        if what == "faults":
            return Answer(200, server.faults)
        if what in ("calls", "log"):
            return Answer(200, server.calls)
        if what == "ledger":
            return Answer(200, state.ledger.as_json())
        if what == "styles":
            asked = asked or {}
            if not set(asked) <= set(STYLES) or not set(asked.values()) <= set(KINDS):
                return Answer(400, {"error": "unknown partner or style"})
            state.styles.update(asked)
            return Answer(200, state.styles)
        if what == "advance":
            return advance(state, asked or {})
        if what == "broken":
            return Answer(200, server.broken)
        if what == "reset" and request.method == "POST":
            state.clear()
            server.faults, server.broken = [], []
            server.calls.clear()
            server.previous.clear()
            return Answer(200, {})
    return NOT_FOUND


def advance(state, asked):
    """Let {"number" or "reference", "steps": 1 or "all"} live on."""
    numbers = {asked.get("number")}
    for booking in state.ledger.live(asked.get("reference") or None):
        numbers |= set(booking.numbers) if asked.get("reference") else set()
    moved = {}
    for parcel in state.world.parcels.values():
        if parcel.number not in numbers:
            continue
        left = 99 if asked.get("steps") == "all" else asked.get("steps", 1)
        while left and parcel.advance():
            left -= 1
        moved[parcel.number] = [step.name for step in parcel.steps]
    return Answer(200, moved)


class Server(ThreadingHTTPServer):
    """Answers each connection in a thread of its own."""

    daemon_threads = True
    # Hundreds may call at the same moment.
    request_queue_size = 512

    @property
    def ledger(self):
        return self.state.ledger

    @property
    def url(self):
        return "http://{}:{}".format(*self.server_address[:2])

    def handle_error(self, request, client_address):
        """Clients that hang up are no news."""


def start(world, port=0, ups_client=None, *, accounts=None, styles=None, first=1):
    """Start the APIs in a thread; ``server_address`` and ``url`` tell where.

    ``accounts`` and ``styles`` change those of state.py, ``first`` is where the
    partners begin to count, ``ups_client`` is (id, secret).
    """
    accounts = dict(accounts or {})
    if ups_client:
        pair = {"client": ups_client[0], "secret": ups_client[1]}
        accounts["ups"] = {**accounts.get("ups", {}), **pair}
    server = Server(("127.0.0.1", port), Handler)
    server.world = world
    server.state = State(world, accounts=accounts, styles=styles, first=first)
    server.faults, server.calls, server.broken, server.previous = [], [], [], {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
