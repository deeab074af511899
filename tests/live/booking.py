# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A warehouse that ships with the real carriers' adapters.

The carriers are the simulator, in the test's own process, with credentials that are
found wherever they leak to. People are JSON-RPC sessions like the web client's.
"""

import http.cookiejar
import json
import threading
import urllib.error
import urllib.request
from typing import NamedTuple

import harness
import outbox
from outbox import start
from simulator.world import World

#: Workers that send, each a scheduled action.
SENDERS = 3
#: Seconds after which a message is taken from a worker that doesn't finish it: more
#: than a busy machine ever holds one up. Who waits for it lets it end.
LEASE = 60
#: Calls a minute that each carrier allows, where a test doesn't say otherwise: any.
RATE = 60000
#: Seconds a request may take.
PATIENCE = 600
#: Two who ship and may nothing else, and one who mends what went wrong.
PEOPLE = {
    "ann": "stock.group_stock_user",
    "bob": "stock.group_stock_user",
    "ivy": "logistics_canonical.group_exception_operator",
}
PASSWORD = "in-the-warehouse"


class Carrier(NamedTuple):
    """A partner, and what books with it.

    :param credentials: of the connector
    :param path: added to the simulator's address
    :param origin: country parcels go out from
    :param destination: country they go to
    :param service: what is booked
    :param books: method and start of the path of the call that books
    :param secrets: what nobody may find anywhere; names of users are no secrets
    """

    credentials: dict
    path: str
    origin: str
    destination: str
    service: str
    books: tuple
    secrets: tuple
    account: str = ""
    settings: str = ""


CARRIERS = {
    "easypost": Carrier(
        {"api_key": "CANARY-easypost-key-01", "webhook_secret": "CANARY-easypost-02"},
        "/v2",
        "US",
        "US",
        "USPS/Priority",
        ("POST", "/v2/shipments"),
        ("api_key", "webhook_secret"),
        account="ca_demo",
    ),
    "sendcloud": Carrier(
        {
            "public_key": "CANARY-sendcloud-public-03",
            "secret_key": "CANARY-sendcloud-secret-04",
            "webhook_secret": "CANARY-sendcloud-05",
        },
        "/api",
        "NL",
        "NL",
        "postnl:standard",
        ("POST", "/api/v3/shipments/announce"),
        ("secret_key", "webhook_secret"),
    ),
    "ups": Carrier(
        {
            "client_id": "CANARY-ups-client-06",
            "client_secret": "CANARY-ups-secret-07",
            "account_number": "C4N4RY",
        },
        "/api",
        "US",
        "US",
        "03",
        ("POST", "/api/shipments/v2409/ship"),
        ("client_secret", "account_number"),
    ),
    "fedex": Carrier(
        {
            "client_id": "CANARY-fedex-client-08",
            "client_secret": "CANARY-fedex-secret-09",
            "account_number": "748159263",
        },
        "",
        "US",
        "US",
        "FEDEX_GROUND",
        ("POST", "/ship/v1/shipments"),
        ("client_secret", "account_number"),
    ),
    "dhl_express": Carrier(
        {
            "username": "CANARY-dhl-user-10",
            "password": "CANARY-dhl-password-11",
            "account_number": "951847362",
        },
        "/mydhlapi",
        "DE",
        "FR",
        "P",
        ("POST", "/mydhlapi/shipments"),
        ("password", "account_number"),
    ),
    "chronopost": Carrier(
        {"account_number": "19284756", "password": "CANARY-chronopost-12"},
        "",
        "FR",
        "FR",
        "01",
        ("POST", "/shipping-cxf/ShippingServiceWS"),
        ("account_number", "password"),
    ),
}
#: The same credentials as the partners know them.
ACCOUNTS = {
    partner: {
        name: carrier.credentials[ours]
        for name, ours in {
            "easypost": {"key": "api_key"},
            "sendcloud": {"public": "public_key", "secret": "secret_key"},
            "ups": {
                "client": "client_id",
                "secret": "client_secret",
                "account": "account_number",
            },
            "fedex": {
                "client": "client_id",
                "secret": "client_secret",
                "account": "account_number",
            },
            "dhl_express": {
                "user": "username",
                "password": "password",
                "account": "account_number",
            },
            "chronopost": {"account": "account_number", "password": "password"},
        }[partner].items()
    }
    for partner, carrier in CARRIERS.items()
}

PREPARE = """
values = env["ir.config_parameter"]
values.set_param("logistics_canonical.lease_seconds", "%(lease)s")
values.set_param("logistics_canonical.settle_seconds", "1")
sender = env.ref("logistics_canonical.ir_cron_outbound")
for number in range(%(senders)s - 1):
    sender.copy({"active": True})
# What else Odoo does at night would be in the way.
others = env["ir.cron"].search([("code", "not like", "_cron_send"),
                                ("code", "not like", "_cron_inbound")])
others.nextcall = "2100-01-01 00:00:00"
# Text messages ask first.
if "stock_text_confirmation" in env.company._fields:
    env.company.stock_text_confirmation = False
for login, group in %(people)r.items():
    env["res.users"].with_context(no_reset_password=True).create({
        "name": login.title(), "login": login, "password": %(password)r,
        "group_ids": [(6, 0, [env.ref(group).id])],
    })
ADDRESSES = {
    "US": ("1 Market St", "San Francisco", "94105", "CA"),
    "NL": ("Stadhuisplein 10", "Eindhoven", "5611EM", ""),
    "DE": ("Hauptstr. 1", "Berlin", "10115", ""),
    "FR": ("12 rue de la Paix", "Paris", "75002", ""),
}

def partner(name, code, **more):
    country = env["res.country"].search([("code", "=", code)])
    street, city, postal, state = ADDRESSES[code]
    return env["res.partner"].create({
        "name": name, "street": street, "city": city, "zip": postal,
        "country_id": country.id, "phone": "+14155550100",
        "email": "somebody@live.example",
        "state_id": state and env["res.country.state"].search([
            ("country_id", "=", country.id), ("code", "=", state)]).id,
        **more,
    })

origins = {}
for code in sorted(ADDRESSES):
    origins[code] = env["stock.warehouse"].create({
        "name": "Warehouse " + code, "code": code,
        "partner_id": partner("Sender " + code, code, is_company=True).id,
    })
goods = env["product.product"].create({
    "name": "Widget", "type": "consu", "weight": 1.2, "list_price": 20,
    "hs_code": "850440",
})
fee = env["product.product"].create({"name": "Delivery", "type": "service"})
found = {"goods": goods.id, "customers": env.ref("stock.stock_location_customers").id}
for key, carrier in %(carriers)r.items():
    (credentials, path, origin, destination, service, _books, _secrets, account,
     settings) = carrier
    profile = env["logistics.profile"].search([("key", "=", key)], limit=1)
    connector = env["logistics.connector"].create({
        "name": "Booking " + key, "profile_id": profile.id,
        "base_url": %(url)r + path, "allow_loopback": True,
        "outbound_rate": %(rate)s,
    })
    connector._set_credentials(credentials)
    connector.action_start()
    method = env["delivery.carrier"].create({
        "name": key, "delivery_type": "logistics", "product_id": fee.id,
        "integration_level": "rate_and_ship",
        "logistics_connector_id": connector.id, "logistics_service": service,
        "logistics_account": account, "logistics_settings_text": settings,
    })
    warehouse = origins[origin]
    found[key] = {
        "connector": connector.id, "carrier": method.id,
        "type": warehouse.out_type_id.id, "stock": warehouse.lot_stock_id.id,
        "to": partner("Bob Doe", destination).id,
    }
env.cr.commit()
result = found
"""


class RpcError(Exception):
    """What Odoo answered instead of a result; ``name`` is the exception's class."""

    def __init__(self, error):
        data = error.get("data") or {}
        super().__init__(data.get("message") or error.get("message"))
        self.name = data.get("name", "").rpartition(".")[2]


class Person:
    """Somebody at a browser: a session, and the calls of the web client."""

    def __init__(self, server, login, password=PASSWORD):
        self.url = server.url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)
        self.uid = self._post(
            "/web/session/authenticate",
            {"db": server.database.name, "login": login, "password": password},
        )["uid"]

    def _post(self, path, params):
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params})
        request = urllib.request.Request(
            self.url + path, body.encode(), {"Content-Type": "application/json"}
        )
        with self.opener.open(request, timeout=PATIENCE) as response:
            answer = json.load(response)
        if "error" in answer:
            raise RpcError(answer["error"])
        # Nothing is left out.
        return answer.get("result")

    def __call__(self, model, method, *arguments, **named):
        return self._post(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": arguments, "kwargs": named},
        )

    def read(self, model, ids, *names):
        return self(model, "read", ids, list(names))


class Dock(outbox.Yard):
    """A server with several senders, and the six carriers.

    :param database: a clone of the prepared one, for this dock alone
    """

    def __init__(self, database):
        self.database = database
        self.simulator = start(World([]), accounts=ACCOUNTS)
        #: Every access token the carriers gave out.
        self.tokens = {}
        self._remember_tokens()
        self.ids = database.script(
            PREPARE
            % {
                "lease": LEASE,
                "rate": RATE,
                "senders": SENDERS,
                "people": PEOPLE,
                "password": PASSWORD,
                "carriers": {key: tuple(value) for key, value in CARRIERS.items()},
                "url": self.simulator.url,
            }
        )
        self.connectors = {key: self.ids[key]["connector"] for key in CARRIERS}
        # On a busy machine a batch takes its time.
        self.server = harness.Server(database, f"--limit-time-real={PATIENCE}")

    def _remember_tokens(self):
        grant = self.simulator.state.grant

        def remembered(partner, seconds):
            token = grant(partner, seconds)
            self.tokens.setdefault(partner, []).append(token)
            return token

        self.simulator.state.grant = remembered

    def __enter__(self):
        self.server.__enter__()
        self.admin = Person(self.server, "admin", "admin")
        self.people = {login: Person(self.server, login) for login in PEOPLE}
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)
        self.simulator.shutdown()
        self.simulator.server_close()

    # --- transfers ---

    def transfers(self, *partners):
        """Make deliveries that are ready, one for each partner named.

        :return: their ids, in order
        """
        vals_list = []
        for partner in partners:
            own = self.ids[partner]
            places = {
                "location_id": own["stock"],
                "location_dest_id": self.ids["customers"],
            }
            move = {"product_id": self.ids["goods"], "product_uom_qty": 2, **places}
            vals_list.append(
                {
                    "partner_id": own["to"],
                    "picking_type_id": own["type"],
                    "carrier_id": own["carrier"],
                    "move_ids": [(0, 0, move)],
                    **places,
                }
            )
        transfers = self.admin("stock.picking", "create", vals_list)
        self.admin("stock.picking", "action_confirm", transfers)
        return transfers

    def pack(self, transfers):
        """Put each piece of transfers into a package of its own."""
        ann = self.people["ann"]
        lines = ann("stock.move.line", "search", [("picking_id", "in", transfers)])
        ann("stock.move.line", "unlink", lines)
        for move in ann(
            "stock.move",
            "search_read",
            [("picking_id", "in", transfers)],
            ["picking_id", "location_id", "location_dest_id", "product_uom_qty"],
        ):
            packages = ann(
                "stock.package", "create", [{}] * int(move["product_uom_qty"])
            )
            lines = [
                {
                    "picking_id": move["picking_id"][0],
                    "product_id": self.ids["goods"],
                    "quantity": 1,
                    "result_package_id": package,
                    "location_id": move["location_id"][0],
                    "location_dest_id": move["location_dest_id"][0],
                }
                for package in packages
            ]
            commands = [(0, 0, line) for line in lines]
            ann("stock.move", "write", [move["id"]], {"move_line_ids": commands})

    def validate(self, transfers, person="ann"):
        """Do what the button does; return its action."""
        return self.people[person]("stock.picking", "button_validate", transfers)

    def shipped(self, *partners):
        """Make and validate deliveries; return their ids."""
        transfers = self.transfers(*partners)
        self.validate(transfers)
        return transfers

    def states(self, transfers, person="ann"):
        """Return how far the bookings are, as a warehouse user sees it."""
        rows = self.people[person](
            "stock.picking",
            "search_read",
            [("id", "in", transfers)],
            ["logistics_booking_state"],
        )
        return {row["id"]: row["logistics_booking_state"] for row in rows}

    def until(self, transfers, state, seconds=20):
        """Wait until the bookings of transfers are in a state, by themselves."""
        try:
            harness.wait_until(
                lambda: set(self.states(transfers).values()) == {state}, seconds
            )
        except AssertionError as error:
            rows = [row for row in self.bookings(transfers) if row.state != state]
            raise AssertionError(
                f"not {state}: {self.states(transfers)}, {rows[:5]}"
            ) from error

    def until_labelled(self, transfers):
        """Wait until transfers are booked and have their labels."""
        self.until(transfers, "booked")
        ann = self.people["ann"]
        harness.wait_until(
            lambda: all(
                row["logistics_has_labels"]
                for row in ann.read("stock.picking", transfers, "logistics_has_labels")
            ),
            20,
        )

    def bookings(self, transfers):
        """Return rows of :class:`Booking` as the database has them."""
        return [
            Booking(*row)
            for row in self.database.sql(
                "SELECT booking.picking_id, booking.reference, booking.state,"
                "       booking.number, message.state, message.error_class,"
                "       message.next_attempt_at IS NULL,"
                "       (SELECT array_agg(parcel.tracking_number)"
                "          FROM logistics_parcel parcel"
                "         WHERE parcel.booking_id = booking.id),"
                "       (SELECT string_agg(code, ',') FROM logistics_exception problem"
                "         WHERE problem.state = 'open'"
                "           AND (problem.message_id = message.id"
                "            OR problem.shipment_id = booking.shipment_id)),"
                "       (SELECT count(*)"
                "          FROM ir_attachment_logistics_booking_rel label"
                "         WHERE label.logistics_booking_id = booking.id),"
                "       booking.id"
                "  FROM logistics_booking booking"
                "  JOIN logistics_message message"
                "    ON message.res_model = 'logistics.booking'"
                "   AND message.res_id = booking.id"
                "   AND message.operation IN ('book', 'return')"
                " WHERE booking.picking_id = ANY(%s) ORDER BY booking.id",
                [list(transfers)],
            )
        ]

    def settle(self, transfers, seconds=60):
        """Wait until nothing more will happen to transfers by itself; what waits for
        minutes or hours waits no longer."""

        def over():
            self.time_passes()
            return not self.database.value(
                "SELECT count(*) FROM logistics_message message"
                "  JOIN logistics_booking booking ON booking.id = message.res_id"
                " WHERE message.res_model = 'logistics.booking'"
                "   AND booking.picking_id = ANY(%s)"
                "   AND NOT (message.state IN ('done', 'dead', 'cancelled')"
                "    OR message.state = 'unknown' AND next_attempt_at IS NULL)",
                [list(transfers)],
            )

        harness.wait_until(over, seconds, 0.4)

    def progress(self, transfers, person="ann"):
        """Return what the screen that waits for labels asks for."""
        ask = self.people[person]
        return ask("stock.picking", "logistics_booking_progress", transfers)

    def count(self, transfers, state):
        """Return how many of transfers a warehouse user finds in a state."""
        domain = [("id", "in", transfers), ("logistics_booking_state", "=", state)]
        return self.people["ann"]("stock.picking", "search_count", domain)

    # --- carriers ---

    def limit(self, partner, per_minute):
        """Let a carrier be called so often."""
        self.admin(
            "logistics.connector",
            "write",
            [self.connectors[partner]],
            {"outbound_rate": per_minute},
        )

    def wait_at(self, partner, seconds):
        """Let the desks that ship with a carrier wait for the label."""
        self.admin(
            "stock.picking.type",
            "write",
            [self.ids[partner]["type"]],
            {"logistics_label_wait": seconds},
        )

    def strike(self, partner, times=1, **fault):
        """Let something happen to the next calls that book with a partner."""
        method, path = CARRIERS[partner].books
        fault = {"method": method, "path": path, "times": times, **fault}
        self.simulator.faults = [*self.simulator.faults, fault]
        return fault

    def on_the_way(self, reference):
        """Wait until a booking call is at the partner, not answered yet."""
        harness.wait_until(
            lambda: any(
                call["reference"] == reference and "status" not in call
                for call in list(self.simulator.calls)
            ),
            20,
            0.01,
        )

    def ledger(self, reference):
        """Return what the partner has booked, live or not."""
        rows = self.simulator.ledger.bookings
        return [row for row in rows if row.reference == reference]

    def outcome(self, booking):
        """Return what became of a booking as text.

        ``booked``: one live booking, and Odoo has its number and label; where the
        carrier doesn't give the label any more, an open exception says so.
        ``asked``: Odoo doesn't know, and an open exception says so. Anything else is
        wrong and is described.
        """
        live = self.simulator.ledger.live(booking.reference)
        calls = self.calls(booking.reference)
        text = f"{calls} call" + ("s" if calls != 1 else "")
        if (
            (booking.state, booking.message) == ("booked", "done")
            and len(live) == 1
            and booking.number in live[0].numbers
            # DHL's waybill is the number of a single piece, too.
            and set(booking.parcels)
            in (set(live[0].numbers), set(live[0].data.get("pieces", ())))
            and booking.exceptions == (None if booking.labels else "label_missing")
        ):
            return f"booked, {text}" + ("" if booking.labels else ", no label")
        if (
            (booking.state, booking.message) == ("booking", "unknown")
            and booking.is_over
            and booking.exceptions == "outcome_unknown"
            and len(live) <= 1
        ):
            return f"asked, {len(live)} booked, {text}"
        return f"WRONG {booking} {live}"


class Booking(NamedTuple):
    """A booking as the database has it; ``message`` is the state of what asks."""

    transfer: int
    reference: str
    state: str
    number: str
    message: str
    error_class: str
    is_over: bool
    parcels: list
    exceptions: str
    labels: int
    id: int


def together(*functions):
    """Call functions at the same moment; return what each returned or raised."""
    barrier, results = threading.Barrier(len(functions)), [None] * len(functions)

    def run(place, function):
        barrier.wait()
        try:
            results[place] = function()
        except Exception as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
