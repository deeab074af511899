# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""(f) Validating a transfer that books, against the same one without a carrier."""

import time

import booking
from common import ADDONS, BENCH, Table, harness, median, verdict

# Nobody answers there, and nobody is asked: the worker that sends doesn't run.
NOWHERE = "http://127.0.0.1:9/v2"
CREDENTIALS = {"api_key": "bench", "webhook_secret": "bench"}
PACKER = "Bench Packer"
TARGET = 1.15
#: What is compared: delivery method, and whether the suite follows deliveries, as it
#: does when it was installed.
KINDS = {
    "bare": ("none", False, "Odoo alone"),
    "none": ("none", True, "no delivery method"),
    "fixed": ("fixed", True, "Odoo's fixed price"),
    "ours": ("ours", True, "ours"),
}

PREPARE = """
import sys
sys.path.insert(0, {bench!r})
import desk
place = desk.Desk(env)
connector = desk.connector(env, "easypost", {url!r}, {credentials!r})
methods = {{
    "none": None,
    "fixed": desk.carrier(env, connector, delivery_type="fixed"),
    "ours": desk.carrier(env, connector, logistics_service="USPS/Priority"),
}}
desk.person(env, {packer!r}, "stock.group_stock_user").password = {password!r}
result = {{
    lines: {{
        kind: place.transfers({count}, int(lines), methods[method]).ids
        for kind, (method, _followed, _label) in {kinds!r}.items()
    }}
    for lines in ("1", "5")
}}
env.cr.commit()
"""


def run(database, quick):
    rounds, count = (5, 15) if quick else (12, 30)
    lots = database.script(
        PREPARE.format(
            bench=str(BENCH),
            url=NOWHERE,
            credentials=CREDENTIALS,
            packer=PACKER,
            password=booking.PASSWORD,
            kinds=KINDS,
            count=count * (rounds + 1),
        ),
        addons_path=str(ADDONS),
    )
    table = Table(
        f"(f) Validate a transfer, median of {rounds} rounds of {count} of each, in "
        "turn",
        ("", "ms", "to Odoo alone", "to no method", "target", ""),
    )
    server = harness.Server(
        database,
        "--max-cron-threads=0",
        "--log-level=warn",
        workers=1,
        addons_path=str(ADDONS),
    )
    with server:
        packer = booking.Person(server, PACKER)
        for lines, of_kind in lots.items():
            measured = _measure(database, packer, of_kind, rounds, count)
            _report(table, lines, measured)
    _check(database, lots)
    table.note("as the web client asks for it, from the request to its answer; Odoo")
    table.note("alone is without a delivery method, while deliveries are not followed")
    table.show()


def _measure(database, packer, of_kind, rounds, count):
    """Return medians of rounds by kind, in seconds."""
    lots = {kind: iter(ids) for kind, ids in of_kind.items()}
    measured = {kind: [] for kind in KINDS}
    for number in range(rounds + 1):
        seconds = {kind: [] for kind in KINDS}
        # One of each in turn, so that whatever else the machine does strikes all
        # alike; each round in another order, so that none always follows the same.
        order = [*KINDS][number % 4 :] + [*KINDS][: number % 4]
        for kind in order * count:
            database.sql(
                "UPDATE res_company SET logistics_track_outgoing = %s", [KINDS[kind][1]]
            )
            transfer = next(lots[kind])
            started = time.perf_counter()
            done = packer("stock.picking", "button_validate", [transfer])
            seconds[kind].append(time.perf_counter() - started)
            assert done is True, done
        if number:  # the first one warms the caches up
            for kind, values in seconds.items():
                measured[kind].append(median(values))
    return measured


def _report(table, lines, measured):
    for kind, (_method, _followed, label) in KINDS.items():
        to_bare, to_none = (
            median(
                [
                    one / other
                    for one, other in zip(measured[kind], measured[base], strict=True)
                ]
            )
            for base in ("bare", "none")
        )
        judged = (f"<= {TARGET}", verdict(to_none <= TARGET))
        table.add(
            f"{label}, {lines} product" + ("s" if lines != "1" else ""),
            f"{median(measured[kind]) * 1000:.1f}",
            f"{to_bare:.2f}",
            f"{to_none:.2f}",
            *(judged if kind == "ours" else ("", "")),
        )


def _check(database, lots):
    """Make sure that all are done, and those of ours, and no others, are booked."""
    for of_kind in lots.values():
        for kind, ids in of_kind.items():
            done, booked = database.sql(
                "SELECT count(DISTINCT picking.id), count(message.id)"
                "  FROM stock_picking picking"
                "  LEFT JOIN logistics_booking booking"
                "    ON booking.picking_id = picking.id AND booking.state = 'booking'"
                "  LEFT JOIN logistics_message message"
                "    ON message.res_model = 'logistics.booking'"
                "   AND message.res_id = booking.id AND message.state = 'pending'"
                " WHERE picking.id = ANY(%s) AND picking.state = 'done'",
                [ids],
            )[0]
            assert done == len(ids), (kind, done)
            assert booked == (len(ids) if kind == "ours" else 0), (kind, booked)
