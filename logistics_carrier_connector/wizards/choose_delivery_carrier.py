# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from dataclasses import replace
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..core.rates import choose, days


class ChooseDeliveryCarrier(models.TransientModel):
    _inherit = "choose.delivery.carrier"

    # Whoever compares has not chosen yet.
    carrier_id = fields.Many2one(required=False)
    logistics_rule = fields.Selection(
        [
            ("cheapest", "The cheapest"),
            ("fastest", "The fastest"),
            ("balanced", "The cheapest within a day of the fastest"),
        ],
        string="Prefer",
        default="cheapest",
    )
    logistics_choice_ids = fields.One2many(
        "logistics.rate.choice",
        "wizard_id",
        # Warehouse people may open this dialog, too.
        groups="sales_team.group_sale_salesman",
    )
    logistics_reason = fields.Char(readonly=True)
    logistics_can_compare = fields.Boolean(compute="_compute_logistics_can_compare")

    @api.depends("available_carrier_ids")
    def _compute_logistics_can_compare(self):
        for wizard in self:
            wizard.logistics_can_compare = any(
                carrier._logistics_books() for carrier in wizard.available_carrier_ids
            )

    def _onchange_carrier_id(self):
        # The reason was given for another method, or another weight.
        self.logistics_reason = False
        self.logistics_choice_ids.is_chosen = False
        return super()._onchange_carrier_id()

    def _get_delivery_rate(self):
        result = super()._get_delivery_rate()
        self.logistics_reason = False
        return result

    def action_logistics_compare(self):
        """Ask all carriers at once and propose the one that suits best."""
        self.ensure_one()
        carriers = self.available_carrier_ids._origin
        ours = carriers.filtered(lambda carrier: carrier._logistics_books())
        if not ours:
            raise UserError(
                self.env._("No delivery method here is rated through a connector.")
            )
        rates = ours.with_context(order_weight=self.total_weight)._logistics_rates(
            self.order_id
        )
        choices = []
        for carrier in ours:
            rate = rates[carrier.id]
            quote = rate["quote"]
            choices.append(
                {
                    "wizard_id": self.id,
                    "carrier_id": carrier.id,
                    "is_available": rate["success"],
                    "price": rate["price"] if rate["success"] else 0.0,
                    "service": quote.name or quote.service if quote else False,
                    "transit_days": quote.transit_days or 0 if quote else 0,
                    "text": rate["error_message"] or rate["warning_message"] or False,
                }
            )
        self.logistics_choice_ids.unlink()
        self.logistics_choice_ids = self.env["logistics.rate.choice"].create(choices)
        self._logistics_propose(rates)
        return self._logistics_reopen()

    def _logistics_propose(self, rates):
        """Take the quote the rule prefers, and say why."""
        # Only what the carriers said now is compared; a fallback is no offer.
        quotes = {
            carrier_id: rate["quote"]
            for carrier_id, rate in rates.items()
            if rate["success"] and rate["quote"] and rate["reason"] != "fallback"
        }
        # Prices are compared as the customer would pay them, in one currency.
        comparable = {
            carrier_id: replace(
                quote, total=Decimal(str(rates[carrier_id]["price"])), currency=""
            )
            for carrier_id, quote in quotes.items()
        }
        best, reason = choose(comparable.values(), self.logistics_rule or "cheapest")
        if best is None:
            self.logistics_reason = self.env._("No carrier gave a rate.")
            return
        carrier_id = next(
            carrier_id for carrier_id, quote in comparable.items() if quote is best
        )
        choice = self.logistics_choice_ids.filtered(
            lambda choice: choice.carrier_id.id == carrier_id
        )
        choice._take(self._logistics_reason(best, comparable, reason))

    def _logistics_reason(self, best, quotes, reason):
        count = len(quotes)
        if reason == "only":
            return self.env._("The only carrier that gave a rate.")
        if reason == "cheapest":
            return self.env._("The cheapest of %s offers.", count)
        if reason == "fastest":
            return self.env._(
                "The fastest of %(count)s offers: %(days)s days.",
                count=count,
                days=days(best) if best.transit_days is not None else "?",
            )
        return self.env._(
            "The cheapest of those within a day of the fastest of %s offers.", count
        )

    def _logistics_reopen(self):
        return {
            "name": self.env._("Add a shipping method"),
            "type": "ir.actions.act_window",
            "view_mode": "form",
            "res_model": self._name,
            "res_id": self.id,
            "target": "new",
            "context": dict(self.env.context),
        }

    def button_confirm(self):
        """Add the method; the order remembers why this one."""
        if not self.carrier_id:
            raise UserError(
                self.env._("Choose a shipping method, or compare the carriers.")
            )
        result = super().button_confirm()
        # The reason holds for what was chosen by it, at its price.
        chosen = self.logistics_choice_ids.filtered("is_chosen")
        if (
            self.logistics_reason
            and chosen.carrier_id == self.carrier_id
            and chosen.price == self.delivery_price
        ):
            self.order_id.delivery_message = " ".join(
                filter(None, [self.logistics_reason, self.order_id.delivery_message])
            )
        return result


class LogisticsRateChoice(models.TransientModel):
    """One carrier's offer in a comparison."""

    _name = "logistics.rate.choice"
    _description = "Carrier Offer"
    _order = "is_available desc, price, id"

    wizard_id = fields.Many2one(
        "choose.delivery.carrier", required=True, ondelete="cascade"
    )
    carrier_id = fields.Many2one("delivery.carrier", required=True, readonly=True)
    currency_id = fields.Many2one(related="wizard_id.currency_id")
    is_available = fields.Boolean(readonly=True)
    is_chosen = fields.Boolean(readonly=True)
    price = fields.Monetary(readonly=True)
    service = fields.Char(readonly=True)
    transit_days = fields.Integer(string="Days", readonly=True)
    text = fields.Char(string="Remark", readonly=True)

    def action_take(self):
        """Take this offer instead of the proposed one."""
        self.ensure_one()
        if not self.is_available:
            raise UserError(self.env._("This carrier gave no rate."))
        self._take(self.env._("Chosen by hand."))
        return self.wizard_id._logistics_reopen()

    def _take(self, reason):
        self.ensure_one()
        self.wizard_id.logistics_choice_ids.is_chosen = False
        self.is_chosen = True
        self.wizard_id.write(
            {
                "carrier_id": self.carrier_id.id,
                "delivery_price": self.price,
                "display_price": self.price,
                "delivery_message": self.text,
                "logistics_reason": reason,
            }
        )
