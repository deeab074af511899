# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""./dev bench: how fast the suite is, as ratios measured side by side.

Absolute numbers differ from machine to machine and from hour to hour; what is
compared here ran interleaved, in the same minutes, on the same server.
"""

import argparse
import importlib
import subprocess
import sys
import time

from common import ADDONS, harness, machine

PARTS = {
    "a": "accept",
    "b": "drain",
    "c": "latency",
    "d": "folding",
    "e": "growth",
    "f": "validation",
    "g": "shopping",
    "h": "sending",
}


def prepare():
    """Return a fresh database with the suite and the benchmark's addon."""
    database = harness.Database("logistics_bench")
    database.create_from(harness.prepare().name)
    install(database, "logistics_bench", str(ADDONS))
    return database


def install(database, addon, addons_path, *options, env=None):
    log = harness.work_dir() / f"install-{addon}.log"
    with log.open("w") as output:
        subprocess.run(
            harness.odoo_command(
                database.name,
                f"--init={addon}",
                "--stop-after-init",
                "--no-http",
                "--max-cron-threads=0",
                *options,
                addons_path=addons_path,
            ),
            env=env or harness.environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=True,
        )


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer, shorter rounds")
    parser.add_argument(
        "--only", default=",".join(PARTS), help="parts to run, e.g. a,b (default all)"
    )
    options = parser.parse_args()
    parts = options.only.split(",")
    unknown = set(parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    started = time.monotonic()
    database = prepare()
    print(f"Measured on: {machine(database)}")
    for part in parts:
        importlib.import_module(PARTS[part]).run(database, options.quick)
    database.drop()
    print(f"\n{time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
