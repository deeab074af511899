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
fixed = desk.carrier(env, connector, delivery_type="fixed")
ours = desk.carrier(env, connector, logistics_service="USPS/Priority")
kinds = {{
    "bare": (None, False),
    "none": (None, True),
    "fixed": (fixed, True),
    "ours": (ours, True),
}}
packer = desk.person(env, "Bench Packer", "stock.group_stock_user")
env.cr.commit()
result = {{}}
for lines in {lines!r}:
    result[lines] = {{kind: [] for kind in kinds}}
    for number in range({rounds} + 1):
        lots = {{
            kind: place.transfers({count}, lines, method).with_user(packer)
            for kind, (method, _followed) in kinds.items()
        }}
        env.cr.commit()
        seconds = {{kind: [] for kind in kinds}}
        # One of each in turn, so that whatever else the machine does strikes all
        # alike; each round in another order, so that none always follows the same.
        order = list(kinds)
        order = order[number % 4 :] + order[: number % 4]
        for n in range({count}):
            for kind in order:
                env.company.logistics_track_outgoing = kinds[kind][1]
                env.cr.commit()
                seconds[kind].append(desk.validate(lots[kind][n]))
        desk.check(lots)
        if number:  # the first one warms the caches up
            for kind, values in seconds.items():
                result[lines][kind].append(sorted(values)[len(values) // 2])
"""


def run(database, quick):
    rounds, count, lines = (5, 15, (1, 5)) if quick else (12, 40, (1, 5))
    measured = database.script(
        MEASURE.format(
            bench=str(BENCH),
            url=NOWHERE,
            credentials=CREDENTIALS,
            rounds=rounds,
            count=count,
            lines=lines,
        ),
        addons_path=str(ADDONS),
    )
    table = Table(
        f"(f) Validate a transfer, median of {rounds} rounds of {count} of each, in "
        "turn",
        ("", "ms", "to Odoo alone", "to none", "target", ""),
    )
    for number, seconds in measured.items():
        for kind, label, target in (
            ("bare", "Odoo alone", None),
            ("none", "no delivery method", None),
            ("fixed", "Odoo's fixed price", None),
            ("ours", "ours", 1.15),
        ):
            to_bare, to_none = (
                median(
                    [
                        one / other
                        for one, other in zip(
                            seconds[kind], seconds[former], strict=True
                        )
                    ]
                )
                for former in ("bare", "none")
            )
            table.add(
                f"{label}, {number} product" + ("s" if int(number) > 1 else ""),
                f"{median(seconds[kind]) * 1000:.1f}",
                f"{to_bare:.2f}",
                f"{to_none:.2f}",
                f"<= {target}" if target else "",
                verdict(to_none <= target) if target else "",
            )
    table.note("none and ours: the suite as installed, which follows each delivery;")
    table.note(
        "Odoo alone: no delivery method and nothing of the suite, for comparison"
    )
    table.note("as a warehouse user, from the button's method to the end of the commit")
    table.show()
