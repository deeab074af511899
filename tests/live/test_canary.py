# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Secrets go in and never come out: not in logs, tables, files or exports."""

import base64
import contextlib
import http.server
import json
import threading
import xmlrpc.client

import harness
import pytest

CANARIES = {
    "webhook_secret": "whsec_" + base64.b64encode(b"CANARYwebhook0001key").decode(),
    "client_id": "live-client",
    "client_secret": "CANARYclientsecret0002",
    "password": "CANARYpassword/0003?&",
}
SECRET_NAMES = ("webhook_secret", "client_secret", "password")
TOKEN = "CANARYaccesstoken0004"


CALLS = """
connector = env["logistics.connector"].browse({connector_id})
for base in ("", "/refuse"):
    for operation in ("track", "lookup"):
        connector.write({{
            "base_url": "http://127.0.0.1:{port}" + base,
            "is_auth_failed": False,
            "breaker_state": "closed",
        }})
        connector._enqueue(operation, {{"tracking_number": "CANARY" + operation}})
        env.cr.commit()
        env["logistics.outbox"]._drain()
        env.cr.commit()
result = True
"""


class Partner(http.server.BaseHTTPRequestHandler):
    """A partner that repeats our secrets in its answers, as some do."""

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        said = self.rfile.read(length).decode()
        if self.path.endswith("/token"):
            self.server.tokens += 1
            status, answer = 200, {"access_token": TOKEN, "expires_in": 3600}
            if self.path.startswith("/refuse"):
                status, answer = 401, {"error": f"bad client {said}"}
        else:
            status = 401 if "look" in self.path else 500
            answer = {
                "error": f"not you: {self.headers.get('Authorization')}",
                "echo": {name: CANARIES[name] for name in SECRET_NAMES},
            }
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Echo", CANARIES["client_secret"])
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer

    def log_message(self, *_arguments):
        pass


@pytest.fixture(scope="module")
def partner():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Partner)
    server.tokens = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def exercised(database, server, partner):
    """A connector whose secrets were set, used rightly and wrongly, and changed."""
    rpc = harness.Rpc(server)
    connector_id = database.connectors()[harness.PROFILE][0]
    group = rpc(
        "ir.model.data",
        "search_read",
        [
            ("module", "=", "logistics_canonical"),
            ("model", "=", "res.groups"),
        ],
        fields=["res_id"],
    )
    rpc(
        "res.users",
        "write",
        [rpc.uid],
        {
            "group_ids": [(4, row["res_id"]) for row in group],
        },
    )
    for name, value in CANARIES.items():
        context = {"default_connector_id": connector_id}
        wizard = rpc(
            "logistics.credential.set",
            "create",
            {"connector_id": connector_id, "name": name, "value": value},
            context=context,
        )
        with contextlib.suppress(xmlrpc.client.Fault):  # it may return None
            rpc("logistics.credential.set", "action_set", [wizard], context=context)
    # An abandoned dialog, too.
    rpc(
        "logistics.credential.set",
        "create",
        {
            "connector_id": connector_id,
            "name": "password",
            "value": CANARIES["password"],
        },
        context={"default_connector_id": connector_id},
    )
    rpc(
        "logistics.connector",
        "write",
        [connector_id],
        {
            "base_url": f"http://127.0.0.1:{partner.server_address[1]}",
            "allow_loopback": True,
        },
    )
    sender = harness.Sender(server.port)
    path = harness.path_of(database, harness.PROFILE)
    body = harness.scans_body("CANARY1", ("IT", "2026-03-01T10:00:00Z"))
    headers = harness.signed_standard(body, CANARIES["webhook_secret"])
    assert sender.send(path, body, headers)[0] == 202
    wrong = harness.signed_standard(body, harness.SECRETS[harness.PROFILE])
    assert sender.send(path, body, wrong)[0] == 401
    # A sender that puts its secret where it doesn't belong.
    exposed = dict(headers, **{"X-Secret": CANARIES["webhook_secret"]})
    exposed["Authorization"] = f"Bearer {CANARIES['client_secret']}"
    body = harness.scans_body("CANARY2", ("IT", "2026-03-01T10:00:00Z"))
    exposed.update(harness.signed_standard(body, CANARIES["webhook_secret"]))
    assert sender.send(path, body, exposed)[0] == 202
    sender.close()
    database.script(
        CALLS.format(connector_id=connector_id, port=partner.server_address[1])
    )
    with contextlib.suppress(xmlrpc.client.Fault):
        rpc("logistics.connector", "action_test", [connector_id])
    # The partner was there and had all it needs to repeat.
    statuses = {
        status
        for (status,) in database.sql("SELECT http_status FROM logistics_attempt")
    }
    assert {401, 500} <= statuses
    assert partner.tokens >= 2
    return rpc


def search(where, text, found):
    for name in SECRET_NAMES:
        for form in harness.disguises(CANARIES[name]):
            if form in text:
                found.append((where, name, form))
    if TOKEN.encode() in text:
        found.append((where, "access token", TOKEN))


def test_no_secret_in_the_log(exercised, server):
    found = []
    search("log", server.log().encode(), found)
    assert found == [], sorted({(item[0], item[1]) for item in found})


def test_no_secret_in_any_table(exercised, database):
    found, names = [], []
    for name, content in harness.tables(database):
        names.append(name)
        search(name, content, found)
    assert len(names) > 100
    assert found == [], sorted({(item[0], item[1]) for item in found})


def test_no_secret_in_any_file(exercised, database):
    found = []
    for path, content in harness.files(database):
        search(path, content, found)
    assert found == [], sorted({(item[0], item[1]) for item in found})


def test_no_secret_in_any_export(exercised):
    rpc, found, models = exercised, [], []
    for row in rpc(
        "ir.model", "search_read", [("model", "=like", "logistics.%")], fields=["model"]
    ):
        model = row["model"]
        try:
            ids = rpc(model, "search", [])
        except xmlrpc.client.Fault:
            continue  # abstract, or closed even to administrators
        models.append(model)
        names = list(rpc(model, "fields_get", [], ["type"]))
        for name in names:
            for method, argument in (("read", [name]), ("export_data", [name])):
                with contextlib.suppress(xmlrpc.client.Fault):
                    search(
                        f"{model}.{method}({name})",
                        json.dumps(
                            rpc(model, method, ids, argument), default=str
                        ).encode(),
                        found,
                    )
    assert {"logistics.connector", "logistics.credential", "logistics.attempt"} <= set(
        models
    )
    assert found == [], sorted({(item[0], item[1]) for item in found})


def test_no_secret_in_a_copy(exercised, database):
    rpc = exercised
    connector_id = database.connectors()[harness.PROFILE][0]
    copy_id = rpc("logistics.connector", "copy", [connector_id])
    copy_id = copy_id[0] if isinstance(copy_id, list) else copy_id
    assert (
        database.value(
            "SELECT count(*) FROM logistics_credential WHERE connector_id = %s",
            [copy_id],
        )
        == 0
    )
