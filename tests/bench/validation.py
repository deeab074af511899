# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""(f) Validating a transfer that books, against the same one without a carrier."""

from common import ADDONS, BENCH, Table, median, verdict

# Nobody answers there, and nobody is asked: the worker that sends doesn't run.
NOWHERE = "http://127.0.0.1:9/v2"
CREDENTIALS = {"api_key": "bench", "webhook_secret": "bench"}

MEASURE = """
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
packer = desk.warehouse_user(env)
env.cr.commit()
result = {{kind: [] for kind in methods}}
for number in range({rounds} + 1):
    lots = {{
        kind: place.transfers({count}, method).with_user(packer)
        for kind, method in methods.items()
    }}
    env.cr.commit()
    seconds = {{kind: [] for kind in methods}}
    # One of each in turn, so that whatever else the machine does strikes all alike;
    # each round in another order, so that none always follows the same.
    kinds = list(methods)
    kinds = kinds[number % 3 :] + kinds[: number % 3]
    for place_in_lot in range({count}):
        for kind in kinds:
            seconds[kind].append(desk.validate(lots[kind][place_in_lot]))
    booked = lots["ours"].sudo().logistics_booking_ids
    assert booked.mapped("state") == ["booking"] * {count}
    assert booked.message_id.mapped("state") == ["pending"] * {count}
    assert not (lots["none"] | lots["fixed"]).sudo().logistics_booking_ids
    if number:  # the first one warms the caches up
        for kind, values in seconds.items():
            result[kind].append(sorted(values)[len(values) // 2])
"""


def run(database, quick):
    rounds, count = (5, 20) if quick else (12, 40)
    measured = database.script(
        MEASURE.format(
            bench=str(BENCH),
            url=NOWHERE,
            credentials=CREDENTIALS,
            rounds=rounds,
            count=count,
        ),
        addons_path=str(ADDONS),
    )
    table = Table(
        f"(f) Validate a transfer of one product, median of {rounds} rounds of {count}"
        " of each in turn",
        ("delivery method", "ms", "to none", "target", ""),
    )
    for kind, label, target in (
        ("none", "none", None),
        ("fixed", "Odoo's fixed price", None),
        ("ours", "ours, a booking in the outbox", 1.15),
    ):
        ratio = median(
            [
                one / none
                for one, none in zip(measured[kind], measured["none"], strict=True)
            ]
        )
        table.add(
            label,
            f"{median(measured[kind]) * 1000:.1f}",
            f"{ratio:.2f}",
            f"<= {target}" if target else "",
            verdict(ratio <= target) if target else "",
        )
    table.note("as a warehouse user, from the button's method to the end of the commit")
    table.show()
