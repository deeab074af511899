# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models
from odoo.exceptions import UserError

from ..core.rates import days
from ..core.shipping import Package, ShipRequest, to_payload
from ..models.delivery_carrier import to_decimal


class LogisticsServiceFind(models.TransientModel):
    """Asks a carrier which services it offers, so that nobody types their codes."""

    _name = "logistics.service.find"
    _description = "Find the Services of a Carrier"

    carrier_id = fields.Many2one("delivery.carrier", required=True, readonly=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    warehouse_id = fields.Many2one(
        "stock.warehouse",
        string="From",
        required=True,
        default=lambda self: self.env["stock.warehouse"].search(
            [("company_id", "=", self.env.company.id)], limit=1
        ),
    )
    partner_id = fields.Many2one("res.partner", string="To", required=True)
    weight = fields.Float(string="Weight (kg)", default=1.0, digits="Stock Weight")
    line_ids = fields.One2many("logistics.service.find.line", "find_id")

    def action_find(self):
        """Ask for everything the carrier offers for such a parcel."""
        self.ensure_one()
        carrier = self.carrier_id
        connector = carrier._logistics_ready_connector(self.company_id)
        request = ShipRequest(
            reference="rate",
            shipper=carrier._logistics_address(
                self.warehouse_id.partner_id, self.company_id, self.env._("sender")
            ),
            recipient=carrier._logistics_address(
                self.partner_id, self.company_id, self.env._("delivery address")
            ),
            packages=(Package("P-1", to_decimal(self.weight, 3)),),
            currency=self.company_id.currency_id.name,
            # Papers cross every border; what goods need is asked when they are sent.
            contents="documents",
            settings=carrier._logistics_settings(),
        )
        carrier._logistics_refuse(request, self.company_id, rating=True)
        ((quotes, error),) = self.env["logistics.rate"]._ask(
            [(connector, to_payload(request))],
            self.env["sale.order"],
            carrier.logistics_deadline or 5.0,
        )
        if not quotes:
            raise UserError(
                error or self.env._("The carrier offers nothing for such a parcel.")
            )
        self.line_ids.unlink()
        # The price is written for all and shown to those who may see it.
        self.env["logistics.service.find.line"].sudo().create(
            [
                {
                    "find_id": self.id,
                    "service": quote.service,
                    "name": quote.name or quote.service,
                    "price": f"{quote.total} {quote.currency}",
                    "transit_days": 0 if quote.transit_days is None else days(quote),
                }
                for quote in sorted(quotes, key=lambda quote: quote.total)
            ]
        )
        return self._reopen()

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Find Services"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }


class LogisticsServiceFindLine(models.TransientModel):
    """A service a carrier offers."""

    _name = "logistics.service.find.line"
    _description = "Service of a Carrier"

    find_id = fields.Many2one(
        "logistics.service.find", required=True, ondelete="cascade"
    )
    service = fields.Char(string="Code", readonly=True)
    name = fields.Char(string="Service", readonly=True)
    price = fields.Char(
        readonly=True, groups="logistics_carrier_connector.group_charges"
    )
    transit_days = fields.Integer(string="Days", readonly=True)

    def action_use(self):
        """Take this service for the delivery method."""
        self.ensure_one()
        self.find_id.carrier_id.logistics_service = self.service
        return {"type": "ir.actions.act_window_close"}
