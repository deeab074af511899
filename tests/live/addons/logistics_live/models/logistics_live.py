# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import os

from odoo import api, models
from odoo.exceptions import UserError

from . import logistics_outbox


class LogisticsLive(models.AbstractModel):
    """What the live tests ask for over RPC, as a business transaction would."""

    _name = "logistics.live"
    _description = "Logistics Live Tests"

    @api.model
    def book(self, parcels):
        """Enqueue bookings in one transaction.

        :param parcels: list of (connector's id, reference, step to stop at)
        """
        for connector_id, reference, step in parcels:
            self.env["logistics.connector"].sudo().browse(connector_id)._enqueue(
                "book",
                {"reference": reference, "step": step},
                idempotency_key=reference,
            )
        return True

    @api.model
    def book_and_fail(self, connector_id, reference):
        """Enqueue a booking and then refuse what it was for."""
        self.book([(connector_id, reference, "")])
        raise UserError("The delivery can't be validated.")

    @api.model
    def book_against_another(self, connector_id, reference, partner_id):
        """Enqueue a booking, then write a record that others write, too.

        The booking has no key of its own: it is the transaction that must not leave
        two.
        """
        folder = logistics_outbox.FOLDER
        partner = self.env["res.partner"].browse(partner_id)
        former = partner.ref or ""
        connector = self.env["logistics.connector"].sudo().browse(connector_id)
        connector._enqueue("book", {"reference": reference, "step": ""})
        self.env.flush_all()
        with (folder / "tries").open("a") as file:
            file.write(f"{os.getpid()}\n")
        partner.ref = f"{former}x"
        self.env.flush_all()
        return True
