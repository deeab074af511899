# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""(d) The fold alone: events a second and core, without Odoo or a database."""

import json
import subprocess
import sys

from common import ROOT, Table, median, verdict

CODE = """
import json, random, sys, time
sys.path.insert(0, {root!r})
import conftest
from odoo.addons.logistics_canonical.core.fold import FoldEvent, fold
random.seed(1)
codes = ("label_created", "picked_up", "departed", "arrived_at_hub", "in_transit",
         "delayed", "out_for_delivery", "delivery_attempted", "delivered",
         "eta_update")
shipments = []
for shipment in range({shipments}):
    shipments.append([
        FoldEvent(f"{{shipment}}-{{n}}", random.choice(codes),
                  "estimated" if n % 5 == 4 else "actual",
                  1.77e9 + n * 3600 + random.random(), 1.77e9 + n * 3600 + 60,
                  0, "", "")
        for n in range(20)
    ])
    random.shuffle(shipments[-1])
result = []
for _round in range({rounds}):
    started = time.perf_counter()
    for events in shipments:
        fold(events)
    result.append({shipments} * 20 / (time.perf_counter() - started))
print(json.dumps(result))
"""


def run(database, quick):
    code = CODE.format(
        root=str(ROOT), shipments=500 if quick else 2500, rounds=3 if quick else 7
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    rate = median(json.loads(done.stdout))
    table = Table(
        "(d) The fold alone, shipments of 20 events", ("", "events/s", "target", "")
    )
    table.add("one core", f"{rate:,.0f}", ">= 50,000", verdict(rate >= 50_000))
    table.show()
