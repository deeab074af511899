# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import Command, fields, models
from odoo.exceptions import UserError

from .logistics_facets_mixin import STATUSES
from .logistics_shipment import SHIPMENT_GROUPS

URGENCY = ["lost", "attention", *dict(STATUSES)]


class StockPicking(models.Model):
    _inherit = "stock.picking"

    logistics_shipment_ids = fields.Many2many(
        "logistics.shipment",
        "logistics_shipment_stock_picking_rel",
        "picking_id",
        "shipment_id",
        string="Shipments",
        copy=False,
        groups=SHIPMENT_GROUPS,
    )
    logistics_shipment_count = fields.Integer(
        compute="_compute_logistics_shipment_count", groups=SHIPMENT_GROUPS
    )

    logistics_status = fields.Selection(
        STATUSES, string="Shipment Status", compute="_compute_logistics_status"
    )

    def _compute_logistics_status(self):
        for picking in self:
            # Where a delivery is matters to everybody who sees the transfer.
            shipments = picking.sudo().logistics_shipment_ids
            statuses = set(shipments.mapped("status"))
            # Of several the one that somebody may wait for.
            picking.logistics_status = next(
                (status for status in URGENCY if status in statuses), False
            )

    def _compute_logistics_shipment_count(self):
        for picking in self:
            picking.logistics_shipment_count = len(picking.logistics_shipment_ids)

    def _action_done(self):
        result = super()._action_done()
        self.filtered(
            lambda picking: picking.state == "done" and picking._logistics_is_tracked()
        )._logistics_ensure_shipment()
        return result

    def action_open_logistics_shipments(self):
        """Open the shipments of this transfer."""
        self.ensure_one()
        return self.logistics_shipment_ids._action_open()

    def action_create_logistics_shipment(self):
        """Follow this transfer from now on, whatever the company's default is."""
        self.check_access("write")
        if any(not picking._logistics_direction() for picking in self):
            raise UserError(
                self.env._("Only receipts, deliveries and returns can be followed.")
            )
        return self._logistics_ensure_shipment()._action_open()

    def _logistics_direction(self):
        """Return the shipment direction of this transfer, empty if it has none."""
        self.ensure_one()
        code = self.picking_type_id.code
        if code not in ("incoming", "outgoing"):
            return ""
        return "return" if self.return_id else code

    def _logistics_is_tracked(self):
        """Tell whether the company wants a shipment for this transfer."""
        self.ensure_one()
        direction = self._logistics_direction()
        return bool(direction) and self.company_id[f"logistics_track_{direction}"]

    def _logistics_ensure_shipment(self):
        """Return the shipments of these transfers, creating what is missing."""
        shipments = self.env["logistics.shipment"]
        # Who is responsible for a transfer was told so when they became it; an e-mail
        # for each shipment would be sent while somebody waits to go on.
        quiet = shipments.with_context(mail_auto_subscribe_no_notify=True)
        self.filtered(
            lambda picking: not picking.sudo().logistics_shipment_ids
        )._logistics_take_turns()
        for picking in self:
            # Warehouse people make shipments by validating transfers; they have
            # no right to create one by hand.
            existing = picking.sudo().logistics_shipment_ids
            if not existing:
                # What was sent on its way at an earlier step is on it already.
                existing = picking._logistics_earlier_steps().logistics_shipment_ids
                existing.picking_ids |= picking
            if not existing:
                existing = quiet.sudo().create(
                    picking._prepare_logistics_shipment_vals()
                )
            shipments |= existing.sudo(False)
        self._logistics_sync_parcels()
        return shipments

    def _logistics_earlier_steps(self):
        """Return the transfers that brought these goods to where this one starts."""
        return self._logistics_steps("move_orig_ids", ("internal",))

    def _logistics_later_steps(self):
        """Return the transfers these goods go through inside and when they leave."""
        if self.picking_type_id.code != "internal":
            return self.sudo().browse()
        return self._logistics_steps("move_dest_ids", ("internal", "outgoing"))

    def _logistics_steps(self, link, codes):
        # The other steps need not be this user's.
        moves, found = self.sudo().move_ids, self.env["stock.move"].sudo()
        while moves:
            moves = moves[link] - found
            # What is left for a backorder goes its own way.
            moves = moves.filtered(
                lambda move: (
                    move.picking_type_id.code in codes
                    and not (move.picking_id | self).backorder_id
                )
            )
            found |= moves
        return found.picking_id - self

    def _logistics_take_turns(self):
        """Let nobody else give these transfers something at the same time.

        Their rows are written: of two transactions at once the second one fails, and
        finds what the first one made when Odoo runs it again. A lock would only make
        it wait, and then do the same once more.
        """
        if self:
            self.env.cr.execute(
                "UPDATE stock_picking SET write_date = write_date WHERE id = ANY(%s)",
                [sorted(self.ids)],
                # Being second is foreseen, no error for the log.
                log_exceptions=False,
            )

    def _prepare_logistics_shipment_vals(self):
        """Return the values of the shipment this transfer gives rise to."""
        self.ensure_one()
        references = [("picking", self.name)]
        if self.sale_id:
            references.append(("sales_order", self.sale_id.name))
        if self.origin and self.origin != self.sale_id.name:
            references.append(
                (
                    "purchase_order"
                    if self.picking_type_id.code == "incoming"
                    else "customer_reference",
                    self.origin,
                )
            )
        return {
            "company_id": self.company_id.id,
            "direction": self._logistics_direction() or "outgoing",
            "partner_id": self.partner_id.id,
            "sale_id": self.sale_id.id,
            "user_id": self.user_id.id,
            "picking_ids": [Command.link(self.id)],
            "reference_ids": [
                Command.create({"type": kind, "value": value})
                for kind, value in references
                if value
            ],
        }

    def _logistics_sync_parcels(self):
        """Give each shipment the parcels of its transfers."""
        for picking in self:
            # See _logistics_ensure_shipment.
            for shipment in picking.sudo().logistics_shipment_ids:
                picking._logistics_sync_shipment_parcels(shipment)

    def _logistics_sync_shipment_parcels(self, shipment):
        """Bring the parcels of its shipment in line with this transfer's packages.

        One parcel for each package, one for each tracking number; at least one. What
        nobody outside knows of goes with its package.
        """
        self.ensure_one()
        packages = self.move_line_ids.result_package_id
        parcels = shipment.parcel_ids.sorted("id")
        new = packages - parcels.package_id
        if len(shipment.picking_ids) <= 1:
            # Packed anew: a package takes over what stood for the same goods.
            loose = parcels.filtered(lambda p: not p.package_id)
            stale = parcels.filtered(
                lambda p: p.package_id - packages and p._is_placeholder()
            )
            is_packed = all(line.result_package_id for line in self.move_line_ids)
            free = (loose | stale).sorted("id") if is_packed else stale
            for parcel, package in zip(free, new, strict=False):
                parcel.package_id = package
            left = free[len(new) :] & stale
            if not is_packed and not loose:
                left[:1].package_id = False
                left = left[1:]
            left.unlink()
            new = new[len(free) :]
        shipment.parcel_ids.create(
            [{"shipment_id": shipment.id, "package_id": package.id} for package in new]
        )
        if not shipment.parcel_ids:
            shipment.parcel_ids.create({"shipment_id": shipment.id})
