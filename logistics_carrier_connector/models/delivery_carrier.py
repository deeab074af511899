# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models


class DeliveryCarrier(models.Model):
    _inherit = "delivery.carrier"

    logistics_connector_id = fields.Many2one(
        "logistics.connector",
        string="Tracked Through",
        check_company=True,
        index="btree_not_null",
        help="Which connection reports on parcels shipped with this method.",
    )
