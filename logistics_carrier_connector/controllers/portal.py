# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import http
from odoo.exceptions import AccessError, MissingError, UserError
from odoo.http import request

from odoo.addons.portal.controllers.portal import CustomerPortal


class LogisticsPortal(CustomerPortal):
    @http.route(
        "/my/orders/<int:order_id>/return_label/<int:picking_id>",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
    )
    def logistics_return_label(
        self, order_id, picking_id, access_token=None, **_ignored
    ):
        """Book a return label for a delivery, because its customer asks for one."""
        try:
            order = self._document_check_access("sale.order", order_id, access_token)
        except (AccessError, MissingError):
            return request.redirect("/my")
        # The order was just checked; its deliveries are the customer's.
        picking = order.sudo().picking_ids.filtered(lambda p: p.id == picking_id)
        if picking and picking._logistics_offers_return():
            try:
                with request.env.cr.savepoint():
                    picking._logistics_book_return()
            except UserError:
                # What is missing is on our side; somebody here must mend it, once.
                kind = "mail.mail_activity_data_warning"
                if not picking.activity_search([kind]):
                    # Whoever sent it knows it, where nobody is responsible; people
                    # who left, and the system that asks for customers, do nothing.
                    people = (
                        picking.user_id
                        | order.user_id
                        | picking.logistics_booking_ids.create_uid
                    ).filtered("active")
                    picking.activity_schedule(
                        kind,
                        note=request.env._(
                            "The customer asked for a return label, and it could not "
                            "be booked. Press Return Label to see what is missing."
                        ),
                        user_id=people[:1].id,
                    )
        return request.redirect(order.get_portal_url())
