# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import uuid

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ..core.shipping import ManifestRequest, to_payload


class LogisticsManifest(models.Model):
    """The end of a day's work with a carrier: what is handed over together."""

    _name = "logistics.manifest"
    _description = "Carrier Manifest"
    _inherit = ["logistics.carrier.request.mixin"]
    _booking_field = "manifest_id"
    _order = "date desc, id desc"
    _check_company_auto = True

    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("closing", "Closing…"),
            ("closed", "Closed"),
            ("failed", "Refused"),
            ("cancelled", "Cancelled"),
        ],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    date = fields.Date(required=True, default=fields.Date.context_today)
    booking_ids = fields.One2many("logistics.booking", "manifest_id", copy=False)
    booking_count = fields.Integer(compute="_compute_counts")
    parcel_count = fields.Integer(string="Parcels", compute="_compute_counts")
    partner_ref = fields.Char(
        string="Carrier's Reference", readonly=True, copy=False, tracking=True
    )
    missing_text = fields.Text(
        string="Left Out by the Carrier", readonly=True, copy=False
    )
    document_ids = fields.Many2many(
        "ir.attachment", string="Documents", readonly=True, copy=False
    )

    @api.depends("booking_ids.parcel_count")
    def _compute_counts(self):
        for manifest in self:
            manifest.booking_count = len(manifest.booking_ids)
            manifest.parcel_count = sum(manifest.booking_ids.mapped("parcel_count"))

    @api.ondelete(at_uninstall=False)
    def _unlink_only_draft(self):
        if any(manifest.state not in ("draft", "cancelled") for manifest in self):
            raise UserError(self.env._("Only drafts can be deleted."))

    # === ACTIONS === #

    def action_close(self):
        """Hand the list over to the carrier."""
        for manifest in self:
            manifest.check_access("write")
            if manifest.state not in ("draft", "failed"):
                raise UserError(self.env._("%s is closed already.", manifest.name))
            if not manifest.carrier_id._logistics_can("manifest"):
                raise UserError(
                    self.env._(
                        "%s needs no manifest: each booking is announced at once.",
                        manifest.carrier_id.name,
                    )
                )
            if not manifest.booking_ids:
                manifest.action_collect()
            if not manifest.booking_ids:
                raise UserError(
                    self.env._("Nothing is booked that is on no manifest yet.")
                )
            reference = f"{manifest.name}-{uuid.uuid4().hex[:8]}"
            manifest._ask(
                "manifest", manifest._request(reference), reference, "closing"
            )
            manifest.sudo().reference = reference  # see _ask

    def action_cancel(self):
        """Give up a manifest the carrier has not made."""
        for manifest in self:
            manifest.check_access("write")
            # See action_close.
            message = manifest.sudo().message_id
            if manifest.state in ("draft", "failed") or (
                manifest.state == "closing"
                and message._withdraw(self.env._("The manifest was cancelled"))
            ):
                manifest.sudo().write(
                    {"state": "cancelled", "booking_ids": [Command.clear()]}
                )
            else:
                raise UserError(
                    self.env._(
                        "The carrier has %s; it can't be taken back.", manifest.name
                    )
                )

    def _request(self, reference):
        """Return what the carrier is asked.

        :rtype: :class:`~..core.shipping.ManifestRequest`
        """
        self.ensure_one()
        carrier = self.carrier_id
        return ManifestRequest(
            reference=reference,
            # The carrier's references are closed to people.
            bookings=tuple(booking._ref() for booking in self.sudo().booking_ids),
            address=self._warehouse_address(),
            closed_on=self.date,
            settings=carrier._logistics_settings(),
        )

    # === ANSWERS === #

    def _logistics_apply(self, operation, result):
        """See the mixin."""
        self.ensure_one()
        if operation == "document":
            if result.ok:
                self._attach([result.data["value"]])
            return False
        if not result.ok:
            self._note_failure(
                "failed", result, self.env._("The carrier refused the manifest: %s")
            )
            return True
        if "decided" in result.data:
            self.write(
                {"state": "closed", "partner_ref": result.data["decided"]["number"]}
            )
            return True
        made = result.data["value"]
        missing = dict(made.missing)
        left_out = self.booking_ids.filtered(lambda b: b.reference in missing)
        self.write(
            {
                "state": "closed",
                "partner_ref": made.partner_id,
                "error_text": False,
                "missing_text": "\n".join(
                    f"{booking.reference}: {missing[booking.reference]}"
                    for booking in left_out
                ),
            }
        )
        # They go on the next one.
        left_out.manifest_id = False
        self._attach([document for document in made.documents if document.data])
        for place, document in enumerate(made.documents):
            if document.url and not document.data:
                self._fetch(document, place)
        return True

    def _fetch(self, document, place):
        self.carrier_id._logistics_ready_connector(self.company_id)._enqueue(
            "document",
            to_payload(document),
            record=self,
            idempotency_key=f"{self.reference}:{place}:{document.url}",
        )

    def _attach(self, documents):
        if not documents:
            return
        attachments = self.env["ir.attachment"].create(
            [
                {
                    "name": document.name or f"{self.name}-{place}.pdf",
                    "raw": document.data,
                    "mimetype": document.content_type,
                    "res_model": self._name,
                    "res_id": self.id,
                }
                for place, document in enumerate(documents, 1)
            ]
        )
        self.document_ids |= attachments
        self.message_post(
            body=self.env._("The carrier's manifest"), attachment_ids=attachments.ids
        )
