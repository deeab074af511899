# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import fcntl
import os
import time
from pathlib import Path

from odoo import models

from odoo.addons.logistics_canonical.models import logistics_outbox
from odoo.addons.logistics_canonical.models.logistics_lane import LANES

FOLDER = Path(os.environ.get("LOGISTICS_LIVE_GATES", "/nonexistent"))
#: Answers kept back until all that a test waits for are here, by message.
held = {}
perform = logistics_outbox._perform


def gate(step, jobs):
    """Stop here with the jobs that are to stop at this step, until the gate is open.

    A gate is a file; whoever stands before it leaves a file with its process id.
    """
    closed = FOLDER / step
    names = [job.request["reference"] for job in jobs if stops(job, step)]
    if not names or not closed.exists():
        return
    for name in names:
        (FOLDER / f"{step}@{name}").write_text(str(os.getpid()))
    while closed.exists():
        time.sleep(0.01)


def stops(job, step):
    return job.request.get("step") == step


def note(job):
    """Write down which process calls for which parcel."""
    if FOLDER.exists():
        with (FOLDER / "calls").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"{os.getpid()} {job.request.get('reference')}\n")


def perform_between_gates(job):
    """Make a job's call, with a gate before it and one after."""
    gate("claimed", [job])
    if job.call is not None:
        note(job)
    job = perform(job)
    gate("answered", [job])
    return job


logistics_outbox._perform = perform_between_gates


class LogisticsOutbox(models.AbstractModel):
    _inherit = "logistics.outbox"

    def _take(self, flying, lanes=LANES):
        jobs = super()._take(flying, lanes)
        gate("claiming", jobs)
        return jobs

    def _settle(self, jobs):
        closed = FOLDER / "settling"
        if closed.exists():
            late = {job.row.id: job for job in jobs if stops(job, "settling")}
            held.update(late)
            jobs = [job for job in jobs if job.row.id not in late]
            if len(held) >= int(closed.read_text() or 1):
                jobs += held.values()
        super()._settle(jobs)
        if any(stops(job, "settling") for job in jobs):
            self.env.flush_all()
            gate("settling", jobs)
            held.clear()
