# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import contextlib
import hashlib
import json
import logging
import time

import psycopg2
import psycopg2.errors

from odoo import api, fields, models
from odoo.sql_db import PoolError

from ..core.vault import VaultError
from ..transport.tokens import MemoryTokens

_logger = logging.getLogger(__name__)

#: Seconds a statement about tokens may wait for another transaction.
STATEMENT_SECONDS = 5

FIND = """
    SELECT value_encrypted,
           extract(epoch FROM ends_at - clock_timestamp() AT TIME ZONE 'UTC')::float
      FROM logistics_token
     WHERE connector_id = %(connector_id)s AND name = %(name)s
       AND fingerprint = %(fingerprint)s
       AND ends_at > clock_timestamp() AT TIME ZONE 'UTC'
"""

KEEP = """
    INSERT INTO logistics_token (connector_id, name, fingerprint, value_encrypted,
                                 ends_at)
    VALUES (%(connector_id)s, %(name)s, %(fingerprint)s, %(value)s,
            clock_timestamp() AT TIME ZONE 'UTC' + %(seconds)s * interval '1 s')
    ON CONFLICT (connector_id, name) DO UPDATE
       SET fingerprint = excluded.fingerprint,
           value_encrypted = excluded.value_encrypted,
           ends_at = excluded.ends_at
"""

FORGET = """
    DELETE FROM logistics_token
     WHERE connector_id = %(connector_id)s AND name = %(name)s
       AND value_encrypted = %(value)s
"""


class LogisticsToken(models.Model):
    """An access token that the server's processes share, encrypted.

    Nobody has access; :class:`SharedTokens` reads and writes it with short
    transactions of its own, because what a partner gave us stays given, whatever
    becomes of the message it was for.
    """

    _name = "logistics.token"
    _description = "Logistics Access Token"
    _log_access = False
    _allow_sudo_commands = False

    _scheme_uniq = models.Constraint(
        "UNIQUE(connector_id, name)", "A connector has one token for each scheme."
    )

    connector_id = fields.Many2one(
        "logistics.connector", required=True, ondelete="cascade"
    )
    name = fields.Char(required=True, help="The profile's scheme it is for.")
    fingerprint = fields.Char(
        required=True, help="Changes with whatever the token was asked for with."
    )
    value_encrypted = fields.Char(
        required=True, groups=fields.NO_ACCESS, exportable=False
    )
    ends_at = fields.Datetime(required=True, index=True)

    @api.model
    def _shared(self, connector, scheme, secrets):
        """Return who keeps the tokens of a connector, for use in any thread.

        :param connector: ``logistics.connector`` record
        :param str scheme: the key in the profile's ``auth``
        :param list secrets: all that a token depends on
        :rtype: SharedTokens
        """
        vault = self.env["logistics.credential"]._vault()
        text = json.dumps(secrets, sort_keys=True)
        # A fingerprint tells two values of one credential apart; here it stands for
        # everything a token depends on, so there are several.
        fingerprint = "".join(vault.fingerprint(f"{part}|{text}") for part in range(4))
        return SharedTokens(self.env.registry, vault, connector.id, scheme, fingerprint)

    @api.autovacuum
    def _gc_ended(self):
        """Forget tokens that ended."""
        self.sudo().search([("ends_at", "<", fields.Datetime.now())]).unlink()


class SharedTokens:
    """Keeps a connector's token for all processes (see ``transport/tokens.py``).

    Asked for often, it is kept in the process, too; the database is asked when that
    one ended or was refused. When the database can't be used, or doesn't know the
    connector yet, each process has a token of its own: calls are still made.

    :param registry: gives cursors, apart from the transaction at work
    """

    def __init__(self, registry, vault, connector_id, name, fingerprint):
        self._registry, self._vault = registry, vault
        self._values = {
            "connector_id": connector_id,
            "name": name,
            "fingerprint": fingerprint,
        }
        self._near = MemoryTokens(
            f"{registry.db_name}:{connector_id}:{name}:{fingerprint}"
        )

    def get(self, rejected=""):
        return self._near.get(rejected)

    def find(self, rejected=""):
        # Another thread may just have asked the database.
        found = self._near.get(rejected)
        if found:
            return found
        row = self._find()
        if not row or row[0] == rejected:
            return None
        self._near.put(*row)
        return row

    def put(self, value, seconds):
        self._near.put(value, seconds)
        if seconds > 0:
            self._execute(
                KEEP, {"value": self._vault.encrypt(value), "seconds": seconds}
            )

    def drop(self, value):
        self._near.drop(value)
        row = self._execute(FIND)
        # The same text is never encrypted the same twice: what is deleted is what
        # was read, and not a token that came between.
        if row and self._decrypt(row[0]) == value:
            self._execute(FORGET, {"value": row[0]})

    def refusal(self):
        # The processes of a server are few: each may be refused once.
        return self._near.refusal()

    def refuse(self, error):
        self._near.refuse(error)

    @contextlib.contextmanager
    def lock(self, timeout):
        deadline = time.monotonic() + timeout
        # First among the threads, so that a process waits with one connection only.
        with self._near.lock(timeout), contextlib.ExitStack() as stack:
            self._lock_processes(stack, deadline - time.monotonic())
            yield

    def _lock_processes(self, stack, timeout):
        """Hold an advisory lock until the stack is left.

        Its cursor does nothing else: what the others kept is read in a transaction
        that begins after they let go.
        """
        key = f"{self._values['connector_id']}:{self._values['name']}"
        digest = hashlib.sha256(f"logistics.token|{key}".encode()).digest()
        try:
            cr = stack.enter_context(self._cursor(max(timeout, 0.001)))
            cr.execute(
                "SELECT pg_advisory_xact_lock(%s)",
                [int.from_bytes(digest[:8], "big", signed=True)],
                log_exceptions=False,
            )
        except psycopg2.errors.LockNotAvailable:
            raise TimeoutError("Another process is still asking for a token") from None
        except (psycopg2.Error, PoolError) as error:
            _logger.warning("An access token is not shared: %s", error)

    def _find(self):
        row = self._execute(FIND)
        value = row and self._decrypt(row[0])
        return (value, row[1]) if value else None

    def _decrypt(self, text):
        try:
            return self._vault.decrypt(text)
        except VaultError:
            # The server's key has changed: a new token costs one request.
            return ""

    def _execute(self, statement, values=None):
        """Execute a statement in a transaction of its own, return its first row."""
        try:
            with self._cursor(STATEMENT_SECONDS) as cr:
                cr.execute(
                    statement, {**self._values, **(values or {})}, log_exceptions=False
                )
                return cr.fetchone() if cr.description else None
        except psycopg2.errors.ForeignKeyViolation:
            # A connector whose own transaction isn't over.
            return None
        except (psycopg2.Error, PoolError) as error:
            _logger.warning("An access token is not shared: %s", error)
            return None

    @contextlib.contextmanager
    def _cursor(self, seconds):
        """Give a cursor that waits for nobody longer than so many seconds.

        The transaction at work may be what it would wait for, and that one waits
        for us.
        """
        with self._registry.cursor() as cr:
            cr.execute(
                "SELECT set_config('lock_timeout', %s, true)",
                [f"{max(round(seconds * 1000), 1)}ms"],
            )
            yield cr
