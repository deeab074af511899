# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""(b) From stored message to updated shipment, one lane worker."""

import os
import subprocess
import time

from common import ADDONS, BENCH, Table, harness, median, verdict

PACKAGE = "odoo-addon-queue-job==19.0.*"

OURS = """
import sys, time
sys.path.insert(0, {bench!r})
import psycopg2, preload
lane = env["logistics.lane"]
connector = env["logistics.connector"].browse({connector_id})
key = (connector.id, connector.company_id.id)
bare = psycopg2.connect(dbname=env.cr.dbname)
# Another part may have left rows of its own.
env.cr.execute("TRUNCATE logistics_bench_message")
env.cr.commit()
result = []
for number, count in enumerate([100] + [{count}] * {rounds}):
    prefix = "%s%02d" % ({prefix!r}, number)
    preload.shipments(env.cr, key, prefix, count)
    preload.messages(env.cr, key, prefix, count)
    preload.bare_messages(env.cr, prefix, count)
    env.cr.commit()
    env.invalidate_all()
    started = time.perf_counter()
    lane._cron_inbound("standard")
    ours = time.perf_counter() - started
    env.cr.execute(
        "SELECT count(*) FROM logistics_shipment WHERE name LIKE %s"
        " AND milestone = 'in_transit' AND event_count = 3", [prefix + "%"])
    moved = env.cr.fetchone()[0]
    assert moved == count, (moved, count)
    started = time.perf_counter()
    assert preload.drain_bare(bare) == count
    result.append((count / ours, count / (time.perf_counter() - started)))
bare.close()
result = result[1:]
"""

ENQUEUE = """
import sys
sys.path.insert(0, {bench!r})
import preload
connector = env["logistics.connector"].browse({connector_id})
preload.shipments(
    env.cr, (connector.id, connector.company_id.id), {prefix!r}, {count})
for number in preload.numbers({prefix!r}, {count}):
    env["logistics.bench.job"].with_delay().process(connector.id, preload.body(number))
env.cr.commit()
result = True
"""


class QueueJob:
    """OCA queue_job with four workers, on a database of its own."""

    def __init__(self):
        self.folder = harness.work_dir() / "queue_job"
        self.database = harness.Database("logistics_bench_queue")
        self.server = None

    def start(self, template):
        """Fetch and install it; raise when that is not possible here."""
        if not (self.folder / "odoo/addons/queue_job").exists():
            subprocess.run(
                [
                    harness.python(),
                    *("-m", "pip", "install", "--quiet", "--no-deps"),
                    *("--disable-pip-version-check", "--target", str(self.folder)),
                    *(PACKAGE, "openupgradelib"),
                ],
                check=True,
                capture_output=True,
                text=True,
            )
        env = harness.environment()
        paths = [env.get("PYTHONPATH", ""), str(self.folder)]
        os.environ["LOGISTICS_ODOO"] = os.pathsep.join(filter(None, paths))
        self.database.create_from(template.name)
        addons = f"{ADDONS},{self.folder / 'odoo/addons'}"
        from run import install

        install(self.database, "queue_job", addons)
        self.server = harness.Server(
            self.database,
            "--load=base,rpc,web,queue_job",
            "--max-cron-threads=0",
            "--log-level=warn",
            addons_path=addons,
        )
        os.environ.update(
            ODOO_QUEUE_JOB_CHANNELS="root:4",
            ODOO_QUEUE_JOB_HOST="127.0.0.1",
            ODOO_QUEUE_JOB_PORT=str(self.server.port),
        )
        self.addons = addons
        self.server.start()

    def rate(self, number, count):
        """Return how many jobs a second were drained."""
        prefix = f"QJ{number:02}"
        self.database.script(
            ENQUEUE.format(
                bench=str(BENCH),
                connector_id=self.database.connectors()["easypost"][0],
                prefix=prefix,
                count=count,
            ),
            addons_path=self.addons,
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            states = dict(
                self.database.sql("SELECT state, count(*) FROM queue_job GROUP BY 1")
            )
            if "failed" in states:
                raise RuntimeError(
                    self.database.value(
                        "SELECT exc_info FROM queue_job WHERE state = 'failed' LIMIT 1"
                    )
                )
            if set(states) == {"done"}:
                break
            time.sleep(0.2)
        else:
            raise RuntimeError(f"queue_job did not finish: {states}")
        seconds = self.database.value(
            "SELECT extract(epoch FROM max(date_done) - min(date_started))::float8"
            " FROM queue_job WHERE date_created >="
            " (SELECT max(date_created) FROM queue_job) - interval '1 hour'"
            " AND id > (SELECT max(id) - %s FROM queue_job)",
            [count],
        )
        return count / seconds

    def stop(self):
        if self.server:
            self.server.stop()
            self.database.drop()


def run(database, quick):
    rounds, count, jobs = (2, 1000, 150) if quick else (5, 2000, 300)
    queue, reason, rates = QueueJob(), "", {"ours": [], "bare": [], "queue_job": []}
    try:
        queue.start(database)
    except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
        reason = f"{error} {getattr(error, 'stderr', '') or ''}".strip()
    try:
        for number in range(rounds):
            # Both in one process, one after the other; queue_job's server is idle.
            for ours, bare in database.script(
                OURS.format(
                    bench=str(BENCH),
                    connector_id=database.connectors()["easypost"][0],
                    prefix=f"D{number}R",
                    count=count,
                    rounds=2,
                ),
                addons_path=str(ADDONS),
            ):
                rates["ours"].append(ours)
                rates["bare"].append(bare)
            if not reason:
                rates["queue_job"].append(queue.rate(number, jobs))
    finally:
        queue.stop()
    _report(rates, reason)


def _report(rates, reason):
    table = Table(
        "(b) Drain: messages a second, median of interleaved rounds",
        ("what", "per second", "ours is", "target", ""),
    )
    ours, bare = median(rates["ours"]), median(rates["bare"])
    share = median([a / b for a, b in zip(rates["ours"], rates["bare"], strict=True)])
    table.add("one lane worker (ours)", f"{ours:.0f}", "", "", "")
    table.add(
        "bare psycopg2 loop, 100 a time",
        f"{bare:.0f}",
        f"{share:.0%}",
        ">= 10%",
        verdict(share >= 0.1),
    )
    if rates["queue_job"]:
        times = ours / median(rates["queue_job"])
        table.add(
            "OCA queue_job, 4 workers",
            f"{median(rates['queue_job']):.0f}",
            f"{times:.0f} x",
            ">= 15 x",
            verdict(times >= 15),
        )
    else:
        table.add("OCA queue_job, 4 workers", "not installed here", "", ">= 15 x", "")
        table.note(f"queue_job: {reason.splitlines()[-1] if reason else 'no result'}")
    table.show()
