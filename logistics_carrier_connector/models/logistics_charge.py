# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from ..core.shipping import CHARGE_CODES, WEIGHT_BASES

LABELS = {
    "freight": "Freight",
    "fuel": "Fuel Surcharge",
    "insurance": "Insurance",
    "cash_on_delivery": "Cash on Delivery",
    "residential": "Residential Delivery",
    "remote_area": "Remote Area",
    "oversize": "Oversize",
    "signature": "Signature",
    "saturday": "Saturday Delivery",
    "pickup": "Pickup",
    "return": "Return",
    "customs": "Customs",
    "discount": "Discount",
    "tax": "Tax",
    "toll": "Toll",
    "peak": "Peak Surcharge",
    "other": "Other",
    "total": "Total",
}


class LogisticsCharge(models.Model):
    """One line of what a carrier asks for a parcel: as quoted, then as booked.

    What it invoices in the end is compared with these.
    """

    _name = "logistics.charge"
    _description = "Freight Charge"
    _order = "booking_id, stage, id"
    _check_company_auto = True
    _rec_name = "code"

    booking_id = fields.Many2one(
        "logistics.booking", required=True, readonly=True, ondelete="cascade"
    )
    parcel_id = fields.Many2one(
        "logistics.parcel",
        readonly=True,
        index="btree_not_null",
        check_company=True,
        help="Empty: for the booking as a whole.",
    )
    company_id = fields.Many2one(
        related="booking_id.company_id", store=True, precompute=True
    )
    connector_id = fields.Many2one(
        related="booking_id.connector_id", store=True, precompute=True
    )
    stage = fields.Selection(
        [("quoted", "Quoted"), ("booked", "Booked")], required=True, readonly=True
    )
    code = fields.Selection(
        [(code, LABELS[code]) for code in CHARGE_CODES], required=True, readonly=True
    )
    amount = fields.Monetary(readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    weight = fields.Float(
        string="Weight (kg)",
        digits="Stock Weight",
        readonly=True,
        help="What the price is based on.",
    )
    weight_basis = fields.Selection(
        [(basis, basis.capitalize()) for basis in WEIGHT_BASES],
        string="Weight Is",
        readonly=True,
    )
    partner_code = fields.Char(string="Carrier's Code", readonly=True)
    text = fields.Char(string="Carrier's Words", readonly=True)

    _booking_idx = models.Index("(booking_id, stage)")
