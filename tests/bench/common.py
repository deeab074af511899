# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the measurements share: the machine's name, the table, the statistics."""

import os
import platform
import statistics
import sys
from pathlib import Path

BENCH = Path(__file__).parent
ROOT = BENCH.parents[1]
ADDONS = BENCH / "addons"
sys.path.insert(0, str(ROOT / "tests" / "live"))

import harness  # noqa: E402,F401


def machine(database):
    """Return one line that says what this was measured on."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
    version, fsync, commit = database.sql(
        "SELECT current_setting('server_version'), current_setting('fsync'),"
        " current_setting('synchronous_commit')"
    )[0]
    return (
        f"{cpu}, {os.cpu_count()} cores, {kilobytes // 2**20} GB memory, "
        f"Python {platform.python_version()}, PostgreSQL {version} "
        f"(fsync {fsync}, synchronous_commit {commit}), "
        f"load {os.getloadavg()[0]:.1f} at the start"
    )


def percentile(values, share):
    values = sorted(values)
    return values[min(int(len(values) * share), len(values) - 1)]


def median(values):
    return statistics.median(values)


class Table:
    """Rows of a result, printed as a table, with the target beside it."""

    def __init__(self, title, columns):
        self.title, self.columns, self.rows = title, columns, []
        self.notes = []

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def note(self, text):
        self.notes.append(text)

    def show(self):
        rows = [list(self.columns), *self.rows]
        widths = [max(len(row[n]) for row in rows) for n in range(len(self.columns))]
        print(f"\n{self.title}")
        for number, row in enumerate(rows):
            first, *others = zip(row, widths, strict=True)
            line = [first[0].ljust(first[1])]
            line += [cell.rjust(width) for cell, width in others]
            print("  " + "  ".join(line).rstrip())
            if not number:
                print("  " + "  ".join("-" * width for width in widths))
        for text in self.notes:
            print(f"  {text}")
        sys.stdout.flush()


def verdict(ok):
    return "met" if ok else "MISSED"
