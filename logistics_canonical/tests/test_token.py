# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import copy
import json
import threading
import uuid
from types import SimpleNamespace
from unittest.mock import patch

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from odoo import SUPERUSER_ID, api
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, TransactionCase, tagged

from ..core.adapter import Response
from ..models import logistics_token
from ..models.logistics_token import SharedTokens
from ..transport import Call, http, send
from ..transport.tokens import MemoryTokens, obtain
from .common import ACME, LogisticsCommon

PRIVATE_KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
    .strip()
)


def oauth_profile(key):
    """Return a profile whose calls need an access token."""
    data = copy.deepcopy(ACME)
    data["key"] = key
    data["credentials"] = [
        {"name": "client_id", "label": "Client ID", "secret": False},
        {"name": "client_secret", "label": "Client secret"},
        {
            "name": "private_key",
            "label": "Private key",
            "kind": "private_key",
            "required": False,
        },
    ]
    del data["webhook"]
    data["auth"] = {
        "key": {
            "scheme": "oauth2_client_credentials",
            "token_url": {
                "sandbox": "https://sandbox.acme.example/token",
                "production": "https://api.acme.example/token",
            },
            "client_id": "{client_id}",
            "client_secret": "{client_secret}",
        }
    }
    return data


def create_connector(env, key):
    profile = env["logistics.profile"].create(
        {
            "name": key,
            "key": key,
            "version": 1,
            "data_json": json.dumps(oauth_profile(key)),
        }
    )
    connector = env["logistics.connector"].create(
        {"name": key, "profile_id": profile.id}
    )
    connector._set_credentials({"client_id": "me", "client_secret": "hush"})
    return connector


def prepare(connector):
    return connector._prepare_call("track", connector._track_payload("A1"))


@tagged("post_install", "-at_install")
class TestToken(LogisticsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.connector = create_connector(cls.env, "acme_oauth")

    def _other_process(self):
        """Return the tokens as another process sees them: its memory is empty."""
        tokens = prepare(self.connector).tokens
        tokens._near = MemoryTokens(uuid.uuid4().hex)
        return tokens

    def test_a_token_is_shared_and_encrypted(self):
        with self.enter_registry_test_mode():
            prepare(self.connector).tokens.put("canary-token", 500)
            token, seconds = self._other_process().find()
        self.assertEqual(token, "canary-token")
        self.assertLessEqual(seconds, 500)
        self.assertGreater(seconds, 300)
        self.env.cr.execute("SELECT * FROM logistics_token")
        (row,) = self.env.cr.dictfetchall()
        self.assertNotIn("canary-token", str(row))

    def test_nobody_has_access(self):
        admin = self._create_user(
            "token_admin", "logistics_canonical.group_connector_admin,base.group_system"
        )
        tokens = self.env["logistics.token"].with_user(admin)
        for operation in ("read", "write", "create", "unlink"):
            with self.assertRaises(AccessError):
                tokens.check_access(operation)

    def test_a_token_ends_by_the_databases_clock(self):
        with self.enter_registry_test_mode():
            prepare(self.connector).tokens.put("old", 500)
            self.env.cr.execute(
                "UPDATE logistics_token SET ends_at = ends_at - interval '501 s'"
            )
            self.assertIsNone(self._other_process().find())
        self.env["logistics.token"]._gc_ended()
        self.env.cr.execute("SELECT count(*) FROM logistics_token")
        self.assertEqual(self.env.cr.fetchone(), (0,))

    def test_whatever_a_token_depends_on_changes_it(self):
        def change(values=None, credentials=None):
            with self.enter_registry_test_mode():
                prepare(self.connector).tokens.put("before", 500)
                self.connector.write(values or {})
                self.connector._set_credentials(credentials or {})
                return prepare(self.connector).tokens.find()

        self.assertEqual(change()[0], "before")
        self.assertEqual(change({"name": "Another name"})[0], "before")
        self.assertIsNone(change({"environment": "production"}))
        self.assertIsNone(change({"base_url": "https://other.acme.example"}))
        self.assertIsNone(change(credentials={"client_secret": "another"}))
        self.assertIsNone(change(credentials={"client_id": "somebody"}))

    def test_only_the_refused_token_is_forgotten(self):
        with self.enter_registry_test_mode():
            first, second = self._other_process(), self._other_process()
            first.put("old", 500)
            self.assertEqual(second.find()[0], "old")
            first.put("new", 500)
            second.drop("old")
            self.assertEqual(second.find(rejected="old")[0], "new")
            second.drop("new")
            self.assertIsNone(second.find())

    def test_a_key_that_changed_costs_a_token_only(self):
        with self.enter_registry_test_mode():
            self._other_process().put("unreadable", 500)
            self.env.cr.execute("UPDATE logistics_token SET value_encrypted = 'x'")
            self.assertIsNone(self._other_process().find())

    def test_a_connector_that_is_not_committed_has_its_tokens_all_the_same(self):
        tokens = prepare(self.connector).tokens
        self.assertEqual(obtain(tokens, lambda: ("fresh", 500.0), 5), ("fresh", False))
        self.assertEqual(obtain(tokens, lambda: ("other", 500.0), 5), ("fresh", True))

    def test_calls_without_token_keep_none(self):
        profile = self.env["logistics.profile"].create(
            {
                "name": "Plain",
                "key": "acme_plain",
                "version": 1,
                "data_json": json.dumps({**ACME, "key": "acme_plain"}),
            }
        )
        self.assertIsNone(prepare(self._create_connector(profile_id=profile.id)).tokens)

    # === PROXY === #

    def test_a_proxys_address(self):
        self.connector.proxy_url = "http://proxy.example.com:3128"
        self.assertEqual(
            prepare(self.connector).proxy_url, "http://proxy.example.com:3128"
        )
        for wrong in (
            "proxy.example.com:3128",
            "ftp://proxy.example.com",
            "http://",
            "http://proxy.example.com:99999",
            "http://proxy.example.com/path",
            "http://me:word@proxy.example.com",
        ):
            with self.assertRaises(ValidationError):
                self.connector.proxy_url = wrong

    def test_a_proxy_is_the_administrators_business(self):
        self.connector.proxy_url = "http://proxy.example.com:3128"
        user = self._create_user(
            "token_user", "logistics_canonical.group_logistics_user"
        )
        with self.assertRaises(AccessError):
            self.connector.with_user(user).read(["proxy_url"])
        # Whoever lets the connector call goes through it all the same.
        self.assertTrue(prepare(self.connector.with_user(user)).proxy_url)

    def test_a_proxy_in_the_own_network_is_the_systems_business(self):
        self.assertFalse(prepare(self.connector).allow_private_proxy)
        self.env["ir.config_parameter"].set_param(
            "logistics_canonical.allow_private_proxy", "True"
        )
        self.assertTrue(prepare(self.connector).allow_private_proxy)

    # === KEYS OF SEVERAL LINES === #

    def _wizard(self, name):
        action = self.connector.action_set_credential()
        form = Form(self.env[action["res_model"]].with_context(**action["context"]))
        form.name = name
        return form

    def test_a_private_key_is_entered_line_by_line(self):
        form = self._wizard("private_key")
        form.value_lines = PRIVATE_KEY + "\n"
        form.save().action_set()
        ((stored, _until),) = self.connector._secrets()["private_key"]
        self.assertEqual(stored, PRIVATE_KEY)

    def test_what_is_no_private_key_is_refused_at_once(self):
        for text in ("secret", PRIVATE_KEY.replace("\n", " "), PRIVATE_KEY[:-30]):
            form = self._wizard("private_key")
            form.value_lines = text
            with self.assertRaises(UserError):
                form.save().action_set()

    def test_a_password_still_has_one_line(self):
        form = self._wizard("client_secret")
        form.value = " another "
        form.save().action_set()
        self.assertEqual(
            self.connector._secrets()["client_secret"], [("another", None)]
        )


@tagged("post_install", "-at_install")
class TestTokenOfManyWorkers(TransactionCase):
    """Workers with transactions of their own; what they see is really committed."""

    def setUp(self):
        super().setUp()
        self.given = []
        self.valid = set()
        self._guard = threading.Lock()
        with self.registry.cursor() as cr:
            connector = create_connector(
                api.Environment(cr, SUPERUSER_ID, {}), "acme_workers"
            )
            call = prepare(connector)
            self.ids = connector.id, connector.user_id.id, connector.profile_id.id
        self.addCleanup(self._remove)
        self.call, self.tokens = call, call.tokens

    def _remove(self):
        connector_id, user_id, profile_id = self.ids
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            env["logistics.connector"].browse(connector_id).unlink()
            env["res.users"].browse(user_id).unlink()
            env["logistics.profile"].browse(profile_id).unlink()

    def _worker(self):
        """Return a call as another process makes it, with a memory of its own."""
        tokens = SharedTokens.__new__(SharedTokens)
        tokens.__dict__.update(self.tokens.__dict__)
        tokens._near = MemoryTokens(uuid.uuid4().hex)
        return Call(
            outbound=self.call.outbound,
            profile=self.call.profile,
            credentials=self.call.credentials,
            environment="sandbox",
            tokens=tokens,
        )

    def _partner(self, call, outbound, deadline):
        if outbound.url.endswith("/token"):
            with self._guard:
                token = f"token-{len(self.given)}"
                self.given.append(token)
                self.valid.add(token)
            return Response(200, {}, json.dumps({"access_token": token}).encode())
        token = outbound.headers["Authorization"].removeprefix("Bearer ")
        return Response(200 if token in self.valid else 401)

    def _send_all(self, calls):
        answers = []
        start = threading.Barrier(len(calls))

        def run(call):
            start.wait()
            answers.append(send(call).status)

        threads = [threading.Thread(target=run, args=(call,)) for call in calls]
        with patch.object(http, "_request", self._partner):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(answers, [200] * len(calls))

    def test_sixteen_workers_ask_for_one_token(self):
        self._send_all([self._worker() for _number in range(16)])
        self.assertEqual(len(self.given), 1)

    def test_a_process_asks_the_database_once_however_many_wait(self):
        self._send_all([self._worker()])
        worker, asked = self._worker(), []
        find = SharedTokens._find

        def count(tokens):
            asked.append(threading.get_ident())
            return find(tokens)

        with patch.object(SharedTokens, "_find", count):
            self._send_all([worker] * 16)
        self.assertEqual(len(asked), 1)
        self.assertEqual(len(self.given), 1)

    def test_sixteen_workers_replace_a_refused_token_once(self):
        calls = [self._worker() for _number in range(16)]
        self._send_all(calls)
        self.valid.clear()
        self._send_all(calls)
        self.assertEqual(len(self.given), 2)

    def test_sixteen_workers_replace_an_ended_token_once(self):
        self._send_all([self._worker()])
        with self.registry.cursor() as cr:
            cr.execute(
                "UPDATE logistics_token SET ends_at = now() AT TIME ZONE 'UTC'"
                " WHERE connector_id = %s",
                [self.ids[0]],
            )
        self._send_all([self._worker() for _number in range(16)])
        self.assertEqual(len(self.given), 2)

    def test_a_worker_waits_for_another_only_so_long(self):
        with self._worker().tokens.lock(5), self.assertRaises(TimeoutError):
            with self._worker().tokens.lock(0.05):
                pass

    def test_the_wait_for_threads_and_the_one_for_processes_share_the_time(self):
        left = []
        clock = SimpleNamespace(monotonic=iter((100.0, 103.0)).__next__)
        tokens = self._worker().tokens
        with (
            patch.object(logistics_token, "time", clock),
            patch.object(
                SharedTokens,
                "_lock_processes",
                lambda _tokens, stack, seconds: left.append(seconds),
            ),
            tokens.lock(5),
        ):
            self.assertEqual(left, [2.0])

    def test_a_worker_that_dies_holds_up_nobody(self):
        with self.assertRaises(ZeroDivisionError):
            with self._worker().tokens.lock(5):
                raise ZeroDivisionError
        with self._worker().tokens.lock(5):
            pass
