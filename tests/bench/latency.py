# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""(c) From the sender's acknowledgement to a shipment people can see."""

import contextlib
import time

from common import ADDONS, Table, harness, median, percentile, verdict


def run(database, quick):
    count = 8 if quick else 30
    seconds = []
    with harness.Server(
        database, "--log-level=warn", addons_path=str(ADDONS)
    ) as server:
        path = harness.path_of(database, "easypost")
        sender = harness.Sender(server.port)
        with contextlib.closing(database.connect()) as connection:
            cursor = connection.cursor()
            for number in range(-2, count):  # the first ones warm the workers
                parcel = f"LATENCY{number + 2:05}X{int(time.time())}"
                body = harness.easypost_body(
                    parcel, ("in_transit", "departed_facility", "2026-03-01T10:00:00Z")
                )
                sender.deliver(path, body, harness.signed_easypost(body))
                acknowledged = time.perf_counter()
                _wait_visible(cursor, parcel)
                if number >= 0:
                    seconds.append(time.perf_counter() - acknowledged)
                time.sleep(1.5)  # the lanes are idle again
        sender.close()
    table = Table(
        f"(c) From acknowledgement to visible shipment, idle lanes, {count} messages",
        ("", "median s", "p90 s", "worst s", "target", ""),
    )
    middle = median(seconds)
    table.add(
        "4 workers, lanes idle",
        f"{middle:.2f}",
        f"{percentile(seconds, 0.9):.2f}",
        f"{max(seconds):.2f}",
        "median < 1",
        verdict(middle < 1),
    )
    table.show()


def _wait_visible(cursor, parcel):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        cursor.execute(
            "SELECT milestone FROM logistics_parcel WHERE tracking_number = %s",
            [parcel],
        )
        if (cursor.fetchone() or ("",))[0] == "in_transit":
            return
        time.sleep(0.005)
    raise RuntimeError(f"{parcel} never appeared")
