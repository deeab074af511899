# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models


class LogisticsParcel(models.Model):
    """One handling unit of a shipment, with a state of its own."""

    _name = "logistics.parcel"
    _description = "Logistics Parcel"
    _inherit = ["logistics.owner.mixin", "logistics.facets.mixin"]
    _order = "shipment_id, id"
    _check_company_auto = True
    _rec_names_search = ["name", "tracking_number"]

    shipment_id = fields.Many2one(
        "logistics.shipment", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="shipment_id.company_id", store=True, precompute=True
    )
    name = fields.Char(compute="_compute_name", store=True, precompute=True)
    tracking_number = fields.Char(index="trigram")
    connector_id = fields.Many2one(
        "logistics.connector",
        check_company=True,
        index="btree_not_null",
        help="Who carries it and reports on it.",
    )
    package_id = fields.Many2one(
        "stock.package", check_company=True, index="btree_not_null"
    )
    event_ids = fields.One2many("logistics.event", "parcel_id")
    tracking_url = fields.Char(compute="_compute_tracking_url")

    @api.depends("tracking_number", "package_id.name")
    def _compute_name(self):
        for parcel in self:
            parcel.name = (
                parcel.tracking_number
                or parcel.package_id.name
                or self.env._("No number yet")
            )

    @api.depends("tracking_number", "connector_id")
    def _compute_tracking_url(self):
        for parcel in self:
            parcel.tracking_url = (
                parcel.connector_id._tracking_url(parcel.tracking_number)
                if parcel.connector_id and parcel.tracking_number
                else False
            )

    @api.model_create_multi
    def create(self, vals_list):
        parcels = super().create(vals_list)
        parcels.filtered("tracking_number")._sync_reference()
        return parcels

    def write(self, vals):
        result = super().write(vals)
        if "tracking_number" in vals:
            self._sync_reference()
        return result

    def _is_placeholder(self):
        """Tell whether nobody outside knows of this parcel yet."""
        self.ensure_one()
        return not self.tracking_number and not self.event_ids

    def _sync_reference(self):
        """Make the parcel findable by its number."""
        for parcel in self:
            # References follow the parcels whoever changes those.
            references = parcel.env["logistics.reference"].sudo()
            known = references.search(
                [("parcel_id", "=", parcel.id), ("type", "=", "tracking_number")]
            )
            if parcel.tracking_number in known.mapped("value"):
                continue
            known.unlink()
            if parcel.tracking_number:
                references.create(
                    {
                        "shipment_id": parcel.shipment_id.id,
                        "parcel_id": parcel.id,
                        "type": "tracking_number",
                        "value": parcel.tracking_number,
                    }
                )
