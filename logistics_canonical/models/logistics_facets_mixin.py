# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timezone

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..core import fold, vocabulary

STATUSES = [
    ("new", "New"),
    ("announced", "Announced"),
    ("in_transit", "In Transit"),
    ("out_for_delivery", "Out for Delivery"),
    ("ready_for_pickup", "Ready for Pickup"),
    ("attention", "Needs Attention"),
    ("delivered", "Delivered"),
    ("returning", "Returning"),
    ("returned", "Returned"),
    ("cancelled", "Cancelled"),
    ("lost", "Lost"),
]


class LogisticsFacetsMixin(models.AbstractModel):
    """The five facets of a logistics status, kept apart.

    Only the fold over the events writes these fields; that is why they are
    read-only everywhere and why no method but :meth:`_prepare_state_vals` maps
    a folded state to columns.
    """

    _name = "logistics.facets.mixin"
    _description = "Logistics Status Facets"

    status = fields.Selection(
        selection=STATUSES,
        default="new",
        required=True,
        readonly=True,
        index=True,
        help="One word for people, derived from milestone, outcome and flags.",
    )
    milestone = fields.Selection(
        selection=[
            ("new", "New"),
            ("announced", "Announced"),
            ("picked_up", "Picked Up"),
            ("in_transit", "In Transit"),
            ("arrived", "At Destination"),
            ("out_for_delivery", "Out for Delivery"),
            ("available_for_pickup", "Ready for Pickup"),
            ("delivered", "Delivered"),
            ("returning", "Returning"),
            ("returned", "Returned"),
        ],
        default="new",
        required=True,
        readonly=True,
        group_expand=True,
        help="How far it has come.",
    )
    outcome = fields.Selection(
        selection=[
            ("open", "Open"),
            ("delivered", "Delivered"),
            ("delivered_exception", "Delivered with Damage or Shortage"),
            ("partially_delivered", "Partially Delivered"),
            ("returned", "Returned"),
            ("lost", "Lost"),
            ("destroyed", "Destroyed"),
            ("cancelled", "Cancelled"),
            ("expired", "Expired"),
        ],
        default="open",
        required=True,
        readonly=True,
        index=True,
        help="How it ended, or Open while it hasn't.",
    )
    is_delayed = fields.Boolean(string="Delayed", readonly=True)
    is_held = fields.Boolean(string="Held", readonly=True)
    is_action_required = fields.Boolean(string="Action Required", readonly=True)
    is_attempt_failed = fields.Boolean(string="Attempt Failed", readonly=True)
    reason = fields.Selection(
        selection=lambda self: [
            (reason.code, reason.name) for reason in vocabulary.REASONS.values()
        ],
        readonly=True,
        help="Why it is delayed, held, refused or lost, as the partner says.",
    )
    trust = fields.Selection(
        selection=[
            ("live", "Live"),
            ("silent", "Silent"),
            ("ended", "Ended"),
            ("no_data", "No Data"),
            ("clock_suspect", "Clock Suspect"),
        ],
        default="no_data",
        required=True,
        readonly=True,
        help="How far the data can be trusted: Live while news comes in, Silent "
        "when none has come for long, Ended when nobody will report any more, "
        "No Data before the first event, Clock Suspect when the partner reports "
        "events from the future.",
    )
    eta = fields.Datetime(
        string="Expected Delivery",
        readonly=True,
        help="The partner's latest forecast, else its plan.",
    )
    delivered_at = fields.Datetime(string="Delivered On", readonly=True)
    last_event_at = fields.Datetime(string="Last Event", readonly=True, index=True)
    event_count = fields.Integer(string="Events", readonly=True)

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_facets_untouched(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_facets_untouched(vals)
        return super().write(vals)

    def _check_facets_untouched(self, vals):
        """Refuse to set a status by hand: it follows from the events."""
        facets = self.env.registry["logistics.facets.mixin"]._fields
        if not self.env.su and any(
            name in facets and name not in models.MAGIC_COLUMNS for name in vals
        ):
            raise AccessError(
                self.env._(
                    "The status of a shipment follows from its events and can't be "
                    "set by hand."
                )
            )

    @api.model
    def _prepare_state_vals(self, state):
        """Return the column values of a folded state.

        :param state: :class:`~..core.fold.State`, instants in epoch seconds
        :return: dict of field name to value, datetimes naive in UTC
        """
        return {
            "status": fold.simple_status(state),
            "milestone": state.milestone,
            "outcome": state.outcome,
            "is_delayed": "delayed" in state.flags,
            "is_held": "held" in state.flags,
            "is_action_required": "action_required" in state.flags,
            "is_attempt_failed": "attempt_failed" in state.flags,
            "reason": state.reason or None,
            "trust": state.trust,
            "eta": _to_datetime(state.eta),
            "delivered_at": _to_datetime(state.delivered_at),
            "last_event_at": _to_datetime(state.last_event_at),
            "event_count": state.event_count,
        }


def _to_datetime(epoch):
    """Return epoch seconds as the naive UTC datetime Odoo stores, or None."""
    if epoch is None:
        return None
    return datetime.fromtimestamp(epoch, timezone.utc).replace(
        tzinfo=None, microsecond=0
    )
