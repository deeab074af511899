# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A real Odoo server of one's own, and partners that send to it.

Used by the live tests and the benchmark. What runs where comes from the
environment, as ``./dev`` sets it: LOGISTICS_PYTHON, LOGISTICS_ODOO,
LOGISTICS_ADDONS_PATH, LOGISTICS_SECRET_KEY, LOGISTICS_WORK, LOGISTICS_TEMPLATE (a
database with the addons the suite builds on, to begin with), LOGISTICS_PG_RESTART
(a command that restarts the database cluster) and the usual PG variables.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import io
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
import uuid
import xmlrpc.client
from pathlib import Path

import psycopg2
import psycopg2.errors

ADDONS = (
    "logistics_canonical",
    "logistics_carrier_connector",
    "logistics_exception_queue",
)
PROFILE = "livetest"
#: Connectors every prepared database has: name to secret of the webhook.
SECRETS = {
    "easypost": "live-easypost-secret",
    "sendcloud": "live-sendcloud-secret",
    PROFILE: "whsec_" + base64.b64encode(b"live-standard-webhooks-key").decode(),
}
MARK = "LIVE-RESULT:"

#: A partner that signs as Standard Webhooks says and has a stream for each lane.
PROFILE_DATA = {
    "format": 1,
    "key": PROFILE,
    "name": "Live Test Carrier",
    "version": 1,
    "description": "A carrier that exists in tests only.",
    "references": ["https://www.standardwebhooks.com"],
    "credentials": [
        {"name": "webhook_secret", "label": "Webhook secret"},
        {"name": "client_id", "label": "Client", "required": False},
        {"name": "client_secret", "label": "Client secret", "required": False},
        {"name": "password", "label": "Password", "required": False},
    ],
    "endpoints": {
        "sandbox": "https://sandbox.live.example",
        "production": "https://api.live.example",
    },
    "auth": {
        "oauth": {
            "scheme": "oauth2_client_credentials",
            "token_url": {
                "sandbox": "https://sandbox.live.example/token",
                "production": "https://api.live.example/token",
            },
            "client_id": "{client_id}",
            "client_secret": "{client_secret}",
        },
        "login": {
            "scheme": "basic",
            "username": "{client_id}",
            "password": "{password}",
        },
    },
    "webhook": {
        "scheme": "hmac",
        "secret": "webhook_secret",
        "header": "webhook-signature",
        "parse": "list",
        "prefix": "v1,",
        "algorithm": "sha256",
        "key": "whsec",
        "encoding": "base64",
        "signed": "{id}.{timestamp}.{body}",
        "id_header": "webhook-id",
        "timestamp_header": "webhook-timestamp",
        "timestamp_format": "unix",
        "tolerance": 300,
    },
    "streams": {
        "": {"label": "Standard", "lane": "standard"},
        "fast": {"label": "Fast", "lane": "realtime"},
        "slow": {"label": "Slow", "lane": "batch"},
    },
    "operations": {
        "track": {"method": "GET", "path": "/track/{tracking_number}", "auth": "oauth"},
        "lookup": {"method": "GET", "path": "/look/{tracking_number}", "auth": "login"},
    },
    "messages": [
        {
            "name": "scans",
            "label": "Scans of a parcel",
            "when": "message.number",
            "events": [
                {
                    "levels": [{"name": "scan", "path": "message.scans"}],
                    "references": [
                        {"type": "tracking_number", "value": "message.number"}
                    ],
                    "code": "scan.code",
                    "text": "scan.text",
                    "time": "scan.at",
                }
            ],
        },
        {
            "name": "xml_scan",
            "kind": "xml",
            "when": "/scan/number",
            "events": [
                {
                    "levels": [{"name": "scan", "path": "/scan"}],
                    "references": [{"type": "tracking_number", "value": "number"}],
                    "code": "code",
                    "text": "text",
                    "time": "at",
                }
            ],
        },
    ],
    "codes": {
        "PU": "picked_up",
        "IT": "in_transit",
        "HUB": "arrived_at_hub",
        "OD": "out_for_delivery",
        "DL": "delivered",
    },
}

PREPARE = """
import json
profile = env["logistics.profile"].create({
    "name": "Live Test Carrier", "key": %(key)r, "version": 1,
    "data_json": %(data)r,
})
found = {}
for key, secret in %(secrets)r.items():
    profile = env["logistics.profile"].search([("key", "=", key)], limit=1)
    connector = env["logistics.connector"].create({
        "name": "Live " + key, "profile_id": profile.id, "create_from_events": True,
    })
    env["logistics.credential"]._store(connector, "webhook_secret", secret)
    connector.action_start()
    found[key] = [connector.id, connector.public_id]
env["ir.config_parameter"].set_param("logistics_canonical.lease_seconds", "3")
env["ir.config_parameter"].set_param("live.connectors", json.dumps(found))
env.cr.commit()
result = found
"""


# === SURROUNDINGS === #


def python():
    return os.environ.get("LOGISTICS_PYTHON", sys.executable)


def work_dir():
    path = Path(os.environ.get("LOGISTICS_WORK", tempfile.gettempdir())) / "live"
    path.mkdir(parents=True, exist_ok=True)
    return path


def environment():
    env = dict(os.environ)
    if os.environ.get("LOGISTICS_ODOO"):
        env["PYTHONPATH"] = os.environ["LOGISTICS_ODOO"]
    env.setdefault(
        "LOGISTICS_SECRET_KEY",
        base64.urlsafe_b64encode(b"live-suite-key-of-32-bytes-long!").decode(),
    )
    return env


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def odoo_command(database, *arguments, shell=False, addons_path=""):
    starter = str(Path(__file__).parent / "odoo_bin.py")
    command = [python(), starter, *(["shell"] if shell else [])]
    command += [
        f"--database={database}",
        f"--db-filter=^{database}$",
        f"--data-dir={work_dir() / 'data'}",
        "--http-interface=127.0.0.1",
    ]
    for option, variable in (
        ("db_host", "PGHOST"),
        ("db_port", "PGPORT"),
        ("db_user", "PGUSER"),
        ("db_password", "PGPASSWORD"),
    ):
        if os.environ.get(variable):
            command.append(f"--{option}={os.environ[variable]}")
    paths = [os.environ.get("LOGISTICS_ADDONS_PATH", ""), addons_path]
    if any(paths):
        command.append("--addons-path=" + ",".join(filter(None, paths)))
    return [*command, *arguments]


def run_odoo(database, *arguments, addons_path=""):
    """Run Odoo until it ends by itself; its output goes to a log beside the others."""
    with (work_dir() / f"{database}.log").open("w") as output:
        subprocess.run(
            odoo_command(database, *arguments, addons_path=addons_path),
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=True,
        )


# === DATABASES === #


class Database:
    """A scratch database, and straight SQL to look into it."""

    def __init__(self, name):
        self.name = name

    def connect(self, name=None):
        connection = psycopg2.connect(dbname=name or self.name, connect_timeout=10)
        connection.autocommit = True
        return connection

    def sql(self, statement, parameters=None):
        """Run one statement in its own connection and return its rows."""
        with contextlib.closing(self.connect()) as connection:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []

    def value(self, statement, parameters=None):
        return self.sql(statement, parameters)[0][0]

    def _maintain(self, statement):
        with contextlib.closing(self.connect("postgres")) as connection:
            connection.cursor().execute(statement)

    def drop(self):
        self._maintain(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def create_from(self, template):
        self.drop()
        # A clone needs a quiet original.
        self._maintain(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{template}' AND pid <> pg_backend_pid()"
        )
        self._maintain(f'CREATE DATABASE "{self.name}" TEMPLATE "{template}"')
        # A clone's sequences take over numbers their originals have logged ahead and
        # log none before those are used up, unless there was a checkpoint: after a
        # crash of the cluster the same numbers would be given again.
        with contextlib.suppress(psycopg2.errors.InsufficientPrivilege):
            self._maintain("CHECKPOINT")

    def script(self, code, addons_path=""):
        """Run Python with ``env`` inside Odoo; return its variable ``result``."""
        done = subprocess.run(
            odoo_command(
                self.name,
                "--no-http",
                "--log-level=warn",
                shell=True,
                addons_path=addons_path,
            ),
            input=f"{code}\nimport json\nprint({MARK!r} + json.dumps(result))\n",
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        for line in done.stdout.splitlines():
            if line.startswith(MARK):
                return json.loads(line[len(MARK) :])
        raise RuntimeError(f"the script failed:\n{done.stdout}\n{done.stderr}")

    def connectors(self):
        """Return {profile key: (connector id, public id)}."""
        return json.loads(
            self.value(
                "SELECT value FROM ir_config_parameter WHERE key = 'live.connectors'"
            )
        )


def prepare(name="live_prepared"):
    """Return a database with the suite and its connectors, to be cloned.

    With LOGISTICS_LIVE_PREPARED set to the name of one that exists, that one.
    """
    ready = os.environ.get("LOGISTICS_LIVE_PREPARED")
    if ready:
        return Database(ready)
    database = Database(name)
    template = os.environ.get("LOGISTICS_TEMPLATE")
    if template:
        database.create_from(template)
    else:
        database.drop()
    run_odoo(
        name,
        f"--init={','.join(ADDONS)}",
        "--without-demo=True",
        "--stop-after-init",
        "--max-cron-threads=0",
        "--no-http",
    )
    database.script(
        PREPARE % {"key": PROFILE, "data": json.dumps(PROFILE_DATA), "secrets": SECRETS}
    )
    return database


# === SERVERS === #


class Server:
    """An Odoo server process on loopback, with its log."""

    def __init__(self, database, *arguments, workers=4, addons_path=""):
        self.database = database
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = work_dir() / f"{database.name}-{self.port}.log"
        self.command = odoo_command(
            database.name,
            f"--workers={workers}",
            "--max-cron-threads=5",
            f"--http-port={self.port}",
            f"--gevent-port={free_port()}",
            "--limit-time-real=120",
            *arguments,
            addons_path=addons_path,
        )
        self.process = None

    def start(self):
        with self.log_path.open("a") as output:
            self.process = subprocess.Popen(
                self.command, env=environment(), stdout=output, stderr=output
            )
        for _try in range(300):
            if self.process.poll() is not None:
                raise RuntimeError(f"Odoo stopped:\n{self.log()[-3000:]}")
            try:
                urllib.request.urlopen(f"{self.url}/web/health", timeout=5).read()
                return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"Odoo did not answer:\n{self.log()[-3000:]}")

    def stop(self):
        """End it at once; its database is thrown away, so there is nothing to save."""
        if self.process and self.process.poll() is None:
            children = self.children()
            self.process.kill()
            self.process.wait()
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def supervised(self):
        """Start it again whenever it ends, as a service manager does.

        Odoo's master process ends when it can't reach the database.
        """
        over = threading.Event()

        def watch():
            while not over.wait(0.2):
                if self.process.poll() is not None:
                    # It ends again while the database is still starting up.
                    with contextlib.suppress(RuntimeError):
                        self.start()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def __enter__(self):
        self.log_path.unlink(missing_ok=True)
        return self.start()

    def __exit__(self, *_error):
        self.stop()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_lines(self, level):
        """Return the log's lines of a level, e.g. ERROR, and their tracebacks."""
        return [
            line
            for line in self.log().splitlines()
            if re.match(rf"\S+ \S+ \d+ {level} ", line)
        ]

    def children(self):
        """Return the process ids of the workers alive now."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def workers(self, kind):
        """Return the ids of the live ``WorkerHTTP`` or ``WorkerCron`` processes."""
        alive = set(self.children())
        started = re.findall(rf"Worker {kind} \((\d+)\) alive", self.log())
        return [int(pid) for pid in started if int(pid) in alive]


def restart_database(database):
    """Restart the cluster as LOGISTICS_PG_RESTART says.

    Without it every connection to the database is ended instead, which is what a
    client sees of a failover.

    :return: what was done
    """
    command = os.environ.get("LOGISTICS_PG_RESTART", "")
    if command:
        parts = json.loads(command) if command.startswith("[") else shlex.split(command)
        subprocess.run(
            parts,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return "restarted"
    with contextlib.closing(database.connect("postgres")) as connection:
        connection.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname IN (%s, 'postgres') AND pid <> pg_backend_pid()",
            [database.name],
        )
    return "disconnected"


class Rpc:
    """An administrator on the far end of XML-RPC."""

    def __init__(self, server):
        common = xmlrpc.client.ServerProxy(f"{server.url}/xmlrpc/2/common")
        self.database = server.database.name
        self.uid = common.authenticate(self.database, "admin", "admin", {})
        self.models = xmlrpc.client.ServerProxy(
            f"{server.url}/xmlrpc/2/object", allow_none=True
        )

    def __call__(self, model, method, *arguments, **named):
        return self.models.execute_kw(
            self.database, self.uid, "admin", model, method, list(arguments), named
        )


# === SECRETS === #


def disguises(secret):
    """Return the forms in which a secret could lie about."""
    raw = secret.encode()
    forms = {raw.hex().encode(), urllib.parse.quote(secret, safe="").encode()}
    for shift in range(3):
        # In base64 text the same bytes look different at each of three offsets;
        # the ends depend on the neighbours.
        text = base64.b64encode(b"\x00" * shift + raw)
        forms.add(text[4 if shift else 0 : -4])
    # Pieces that are too short are found anywhere.
    return {raw, *(form for form in forms if len(form) >= 12)}


def tables(database):
    """Return (name, content) of all tables of a database, one after the other."""
    names = database.sql(
        "SELECT quote_ident(table_name) FROM information_schema.tables"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        for (name,) in names:
            dump = io.BytesIO()
            cursor.copy_expert(f"COPY {name} TO STDOUT", dump)
            yield name, dump.getvalue()


def files(database):
    """Return (path, content) of all files Odoo keeps for a database."""
    for path in (work_dir() / "data").rglob("*"):
        if path.is_file() and database.name in str(path):
            yield str(path), path.read_bytes()


# === PARTNERS === #


class Sender:
    """One partner's connection: keep-alive, reconnecting when it breaks."""

    def __init__(self, port, timeout=20):
        self.port, self.timeout = port, timeout
        self.connection = None

    def send(self, path, body, headers, method="POST"):
        """Return (status, headers, body), raise OSError when nothing came back."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=self.timeout
            )
        try:
            self.connection.request(method, path, body=body, headers=headers)
            response = self.connection.getresponse()
            return response.status, response.headers, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise OSError(str(error)) from error

    def deliver(self, path, body, headers, patience=60.0):
        """Send until acknowledged, as partners do; return (status, failures)."""
        deadline, failures = time.monotonic() + patience, []
        while time.monotonic() < deadline:
            try:
                status, _headers, _body = self.send(path, body, headers)
            except OSError:
                status = 0
            if status in (200, 202):
                return status, failures
            failures.append(status)
            time.sleep(0.1)
        raise AssertionError(f"never acknowledged: {failures[-5:]}")

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def path_of(database, key, stream=""):
    """Return the webhook path of a prepared connector."""
    public_id = database.connectors()[key][1]
    return f"/logistics/v1/in/{public_id}" + (f"/{stream}" if stream else "")


def hex_hmac(secret, body):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signed_easypost(body, secret=SECRETS["easypost"]):
    return {
        "Content-Type": "application/json",
        "X-Hmac-Signature": f"hmac-sha256-hex={hex_hmac(secret, body)}",
    }


def signed_sendcloud(body, secret=SECRETS["sendcloud"]):
    return {
        "Content-Type": "application/json",
        "Sendcloud-Signature": hex_hmac(secret, body),
    }


def signed_standard(
    body,
    secret=SECRETS[PROFILE],
    message_id=None,
    timestamp=None,
    content_type="application/json",
):
    """Return headers as https://www.standardwebhooks.com describes them."""
    message_id = message_id or f"msg_{uuid.uuid4().hex}"
    timestamp = str(int(time.time()) if timestamp is None else timestamp)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, text, hashlib.sha256).digest()
    return {
        "Content-Type": content_type,
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def easypost_body(number, *scans, size=0):
    """Return a tracker.updated event; scans are (status, detail, time).

    :param int size: fill up to about this many bytes
    """
    event = {
        "id": f"evt_{number}_{len(scans)}",
        "object": "Event",
        "created_at": scans[-1][2],
        "updated_at": scans[-1][2],
        "description": "tracker.updated",
        "mode": "test",
        "previous_attributes": {"status": "unknown"},
        "pending_urls": [],
        "completed_urls": [],
        "user_id": "user_1",
        "status": "pending",
        "result": {
            "id": f"trk_{number}",
            "object": "Tracker",
            "mode": "test",
            "tracking_code": number,
            "status": scans[-1][0],
            "status_detail": scans[-1][1],
            "created_at": scans[0][2],
            "updated_at": scans[-1][2],
            "carrier": "UPS",
            "tracking_details": [
                {
                    "object": "TrackingDetail",
                    "message": f"{status} {detail}",
                    "description": f"{status} {detail}",
                    "status": status,
                    "status_detail": detail,
                    "datetime": at,
                    "source": "UPS",
                    "carrier_code": "",
                    "tracking_location": {
                        "object": "TrackingLocation",
                        "city": "LOUISVILLE",
                        "state": "KY",
                        "country": "US",
                        "zip": "40213",
                    },
                }
                for status, detail, at in scans
            ],
            "public_url": f"https://track.easypost.example/{number}",
        },
    }
    body = json.dumps(event).encode()
    if len(body) < size:
        event["padding"] = "x" * (size - len(body) - len(', "padding": ""'))
        body = json.dumps(event).encode()
    return body


def scans_body(number, *scans):
    """Return a message of the test carrier; scans are (code, time)."""
    return json.dumps(
        {
            "number": number,
            "scans": [{"code": code, "at": at, "text": code} for code, at in scans],
        }
    ).encode()


def wait_until(condition, seconds=60, every=0.1):
    """Return the condition's first true value; fail after some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError("it did not come about in time")
        time.sleep(every)
