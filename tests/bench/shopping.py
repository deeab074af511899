# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""(g) Comparing four carriers' rates, against asking the slowest one alone."""

import booking
from common import ADDONS, BENCH, Table, median, verdict

PARTNERS = ("easypost", "ups", "fedex", "dhl_express")
#: Seconds each takes for a rate, in the order of the partners.
DELAYS = ((0.1, 0.2, 0.3, 0.4), (0.5, 1.0, 1.5, 2.0), (1.0, 1.0, 1.0, 1.0))
TARGET = 1.2

PREPARE = """
import sys
sys.path.insert(0, {bench!r})
import desk
place = desk.Desk(env)
env["delivery.carrier"].search([]).active = False
found = {{}}
for key, (credentials, url, account) in {carriers!r}.items():
    connector = desk.connector(env, key, url, credentials)
    found[key] = desk.carrier(env, connector, logistics_account=account).id
order = place.orders(1)
seller = desk.person(env, "Bench Seller", "sales_team.group_sale_salesman")
order.user_id = seller
env.cr.commit()
result = [found, order.id, seller.id]
"""

# Both in the dialog of an order, as a person does it: the price of one method, and the
# comparison of all.
MEASURE = """
import time
carriers, order, seller = {ids!r}
order = env["sale.order"].with_user(seller).browse(order)
dialog = env["choose.delivery.carrier"]

def fresh():
    env["logistics.rate"].search([]).unlink()
    env.cr.commit()
    env.invalidate_all()

def alone(wizard):
    wizard.update_price()
    assert wizard.delivery_price, wizard.delivery_message

def compared(wizard):
    wizard.action_logistics_compare()
    choices = wizard.logistics_choice_ids
    assert choices.mapped("is_available") == [True] * 4, choices.mapped("text")

result = []
for number in range({rounds} + 1):
    seconds = {{}}
    for way in (alone, compared) if number % 2 else (compared, alone):
        fresh()
        started = time.perf_counter()
        way(dialog.with_user(seller).create(
            {{"order_id": order.id, "carrier_id": carriers[{slowest!r}]}}))
        env.cr.commit()
        seconds[way.__name__] = time.perf_counter() - started
    result.append((seconds["alone"], seconds["compared"]))
result = result[1:]  # the first one fetches the access tokens
"""


def run(database, quick):
    rounds = 3 if quick else 11
    simulator = booking.start(booking.World([]), accounts=booking.ACCOUNTS)
    table = Table(
        f"(g) Compare the rates of 4 carriers in the dialog, median of {rounds} "
        "interleaved rounds",
        ("carriers answer after", "slowest alone", "all 4", "ratio", "target", ""),
    )
    try:
        carriers = {key: booking.CARRIERS[key] for key in PARTNERS}
        ids = database.script(
            PREPARE.format(
                bench=str(BENCH),
                carriers={
                    key: (one.credentials, simulator.url + one.path, one.account)
                    for key, one in carriers.items()
                },
            ),
            addons_path=str(ADDONS),
        )
        for delays in DELAYS:
            simulator.faults = [
                {"partner": key, "delay": delay, "times": None}
                for key, delay in zip(PARTNERS, delays, strict=True)
            ]
            measured = database.script(
                MEASURE.format(ids=ids, slowest=PARTNERS[-1], rounds=rounds),
                addons_path=str(ADDONS),
            )
            alone, compared = map(median, zip(*measured, strict=True))
            ratio = median([both / one for one, both in measured])
            table.add(
                ", ".join(f"{delay} s" for delay in delays),
                f"{alone:.2f} s",
                f"{compared:.2f} s",
                f"{ratio:.2f}",
                f"<= {TARGET:.2f}",
                verdict(ratio <= TARGET),
            )
        assert not simulator.broken, simulator.broken[0]
    finally:
        simulator.shutdown()
        simulator.server_close()
    table.note("as a salesperson, without cached prices, until the offers are written")
    table.show()
