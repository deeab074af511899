# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import api, fields, models

POLL_BATCH = 500
#: Outcomes after which nothing more is expected.
FINAL = ("delivered", "delivered_exception", "returned", "lost", "destroyed")


class LogisticsParcel(models.Model):
    _inherit = "logistics.parcel"

    _poll_idx = models.Index("(next_poll_at) WHERE next_poll_at IS NOT NULL")

    booking_id = fields.Many2one(
        "logistics.booking",
        string="Standing Booking",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="The one booking that stands; empty when there is none.",
    )
    booking_ids = fields.Many2many("logistics.booking", string="Bookings", copy=False)
    next_poll_at = fields.Datetime(string="Next Question", readonly=True, copy=False)
    last_poll_at = fields.Datetime(string="Last Question", readonly=True, copy=False)
    poll_ended_reason = fields.Selection(
        [
            ("final", "It has arrived or won't"),
            ("no_data", "The carrier never knew the number"),
            ("too_old", "Too old"),
            ("cancelled", "Cancelled"),
        ],
        string="Why Nobody Asks Any More",
        readonly=True,
        copy=False,
    )

    @api.model_create_multi
    def create(self, vals_list):
        parcels = super().create(vals_list)
        parcels.filtered("tracking_number")._schedule_poll()
        return parcels

    def write(self, vals):
        result = super().write(vals)
        if "tracking_number" in vals:
            self._schedule_poll()
        elif "connector_id" in vals:
            # Without a number nobody can be asked, whoever carries it.
            self.filtered("tracking_number")._schedule_poll()
        return result

    def _is_placeholder(self):
        """See logistics_canonical; a carrier knows what it was asked to take."""
        return super()._is_placeholder() and not self.booking_id

    def _schedule_poll(self):
        """Plan the first question about parcels that can be asked about."""
        now = fields.Datetime.now()
        for parcel in self:
            poll = parcel._poll_rules()
            # The schedule is kept by the system, whoever ships the parcel.
            parcel.sudo().write(
                {
                    "next_poll_at": now + timedelta(hours=poll["first_after_h"])
                    if poll
                    else False,
                    "poll_ended_reason": False,
                }
            )

    def _poll_rules(self):
        """Return the profile's polling rules, None when it can't be asked."""
        self.ensure_one()
        connector = self.sudo().connector_id  # warehouse people see no connectors
        if not self.tracking_number or not connector or connector.state != "active":
            return None
        profile = connector._compiled_profile()
        return profile.poll if profile.poll["operation"] in profile.operations else None

    def _poll_now(self):
        """Ask about these parcels, whatever their schedule says.

        :return: the parcels that can be asked about
        """
        askable = self.filtered("tracking_number").filtered(
            lambda parcel: parcel._poll_rules()
        )
        for parcel in askable:
            parcel._ask("realtime", fields.Datetime.now())
        return askable

    def _poll_number(self):
        """Return the number the carrier is asked about.

        Of a shipment of several parcels some carriers know one number only, which
        is none of the parcels'.
        """
        self.ensure_one()
        booking = self.sudo().booking_id  # its numbers are not for everybody
        numbers = booking.parcel_ids.mapped("tracking_number")
        if booking.number and booking.number not in numbers:
            return booking.number
        return self.tracking_number

    def _ask(self, lane, now):
        self.ensure_one()
        connector = self.sudo().connector_id
        connector._enqueue(
            self._poll_rules()["operation"],
            connector._track_payload(self._poll_number()),
            record=self,
            lane=lane,
            # Asking twice in the same minute brings nothing.
            idempotency_key=f"poll:{self.id}:{now:%Y%m%d%H%M}",
        )
        self.sudo().last_poll_at = now

    @api.model
    def _cron_poll(self):
        """Ask about what is due, a batch at a time."""
        done = self._poll_due()
        self.env["ir.cron"]._commit_progress(
            done, remaining=POLL_BATCH if done == POLL_BATCH else 0
        )

    @api.model
    def _poll_due(self):
        """Ask about the parcels whose time has come, and stop where it is over.

        The last known state stays when polling ends; carriers delete numbers.

        :return: how many parcels were due
        """
        now = fields.Datetime.now()
        due = self.search(
            [("next_poll_at", "<=", now), ("connector_id.is_paused", "=", False)],
            order="next_poll_at",
            limit=POLL_BATCH,
        )
        for parcel in due:
            poll = parcel._poll_rules()
            reason = parcel._poll_end_reason(poll, now) if poll else False
            if not poll or reason:
                parcel.write({"next_poll_at": False, "poll_ended_reason": reason})
                continue
            parcel._ask("batch", now)
            parcel.next_poll_at = now + timedelta(hours=poll["interval_h"])
        return len(due)

    def _poll_end_reason(self, poll, now):
        """Return why this parcel isn't asked about any more, False to go on."""
        self.ensure_one()
        if self.outcome in ("cancelled", "expired"):
            return "cancelled"
        if self.outcome in FINAL:
            ended = self.last_event_at or self.create_date
            if now - ended > timedelta(hours=poll["stop_after_delivered_h"]):
                return "final"
        if now - (self.last_event_at or self.create_date) > timedelta(
            days=poll["stop_after_days"]
        ):
            return "too_old" if self.event_count else "no_data"
        return False
