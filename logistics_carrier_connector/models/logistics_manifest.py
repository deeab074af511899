# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import uuid

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ..core.carrier import why_not
from ..core.shipping import ManifestRequest, to_payload


class LogisticsManifest(models.Model):
    """The end of a day's work with a carrier: what is handed over together."""

    _name = "logistics.manifest"
    _description = "Carrier Manifest"
    _inherit = ["mail.thread", "mail.activity.mixin", "logistics.owner.mixin"]
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char(
        required=True, readonly=True, copy=False, default=lambda self: self.env._("New")
    )
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
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    carrier_id = fields.Many2one(
        "delivery.carrier",
        string="Delivery Method",
        required=True,
        check_company=True,
        domain="[('delivery_type', '=', 'logistics')]",
        help="All methods of the same connector are closed together.",
    )
    warehouse_id = fields.Many2one(
        "stock.warehouse",
        required=True,
        check_company=True,
        default=lambda self: self.env["stock.warehouse"].search(
            [("company_id", "=", self.env.company.id)], limit=1
        ),
    )
    date = fields.Date(required=True, default=fields.Date.context_today)
    booking_ids = fields.One2many("logistics.booking", "manifest_id", copy=False)
    booking_count = fields.Integer(compute="_compute_counts")
    parcel_count = fields.Integer(string="Parcels", compute="_compute_counts")
    partner_ref = fields.Char(
        string="Carrier's Reference", readonly=True, copy=False, tracking=True
    )
    error_text = fields.Text(string="Why", readonly=True, copy=False)
    missing_text = fields.Text(
        string="Left Out by the Carrier", readonly=True, copy=False
    )
    reference = fields.Char(readonly=True, copy=False)
    document_ids = fields.Many2many(
        "ir.attachment", string="Documents", readonly=True, copy=False
    )
    message_id = fields.Many2one(
        "logistics.message",
        readonly=True,
        copy=False,
        groups="logistics_canonical.group_logistics_user",
    )
    progress = fields.Char(compute="_compute_progress")

    @api.depends("booking_ids.parcel_count")
    def _compute_counts(self):
        for manifest in self:
            manifest.booking_count = len(manifest.booking_ids)
            manifest.parcel_count = sum(manifest.booking_ids.mapped("parcel_count"))

    def _compute_progress(self):
        for manifest in self:
            # Why a message waits is for everybody who waits for it.
            message = manifest.sudo().message_id
            manifest.progress = message.why_waiting if message else False

    @api.ondelete(at_uninstall=False)
    def _unlink_only_draft(self):
        if any(manifest.state not in ("draft", "cancelled") for manifest in self):
            raise UserError(self.env._("Only drafts can be deleted."))

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            # Numbers are given, not chosen.
            vals["name"] = (
                self.env["ir.sequence"].sudo().next_by_code("logistics.manifest")
            )
        return super().create(vals_list)

    # === ACTIONS === #

    def action_collect(self):
        """List what is booked with this carrier and on no manifest yet."""
        for manifest in self:
            manifest.check_access("write")
            connector = manifest.sudo().carrier_id.logistics_connector_id
            # Bookings are written by the system; whoever closes the day lists them.
            manifest.sudo().booking_ids = [
                Command.link(booking.id)
                for booking in self.env["logistics.booking"].search(
                    [
                        ("state", "=", "booked"),
                        ("manifest_id", "=", False),
                        ("kind", "=", "ship"),
                        ("company_id", "=", manifest.company_id.id),
                        ("carrier_id.logistics_connector_id", "=", connector.id),
                    ]
                )
            ]

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
            message = manifest.carrier_id._logistics_ready_connector()._enqueue(
                "manifest",
                to_payload(manifest._request(reference)),
                record=manifest,
                idempotency_key=reference,
            )
            # The message is closed to warehouse people; the manifest is theirs.
            manifest.sudo().write(
                {
                    "state": "closing",
                    "reference": reference,
                    "message_id": message.id,
                    "error_text": False,
                }
            )

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
                    self.env._("The carrier has %s; it can't be taken back.")
                    % manifest.name
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
            address=carrier._logistics_address(
                self.warehouse_id.partner_id, self.company_id, self.env._("warehouse")
            ),
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
            why = why_not(result)
            self.write({"state": "failed", "error_text": why})
            self.activity_schedule(
                "mail.mail_activity_data_warning",
                note=self.env._("The carrier refused the manifest: %s", why),
                user_id=self.create_uid.id,
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
                    f"{booking.name}: {missing[booking.reference]}"
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
        self.carrier_id._logistics_ready_connector()._enqueue(
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
