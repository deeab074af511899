# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from decimal import Decimal

from odoo import api, fields, models, tools
from odoo.exceptions import UserError, ValidationError

from ..core import checks
from ..core.rates import choose
from ..core.shipping import Address, Commodity, Package, ShipRequest, to_payload

DELIVERY_TYPE = "logistics"
ADDRESS_FIELDS = (
    "name",
    "complete_name",
    "is_company",
    "commercial_partner_id",
    "commercial_company_name",
    "street",
    "street2",
    "city",
    "zip",
    "state_id",
    "country_id",
    "phone",
    "email",
    "vat",
    "tz",
)


class DeliveryCarrier(models.Model):
    _inherit = "delivery.carrier"

    delivery_type = fields.Selection(
        selection_add=[(DELIVERY_TYPE, "Logistics Connector")],
        ondelete={
            DELIVERY_TYPE: lambda carriers: carriers.write(
                {"delivery_type": "fixed", "fixed_price": 0}
            )
        },
    )
    logistics_connector_id = fields.Many2one(
        "logistics.connector",
        string="Connector",
        check_company=True,
        index="btree_not_null",
        help="Which connection rates, books and reports on parcels shipped with this "
        "method. Of a method that another provider books, it only reports.",
    )
    logistics_service = fields.Char(
        string="Service",
        help="The carrier's code of the service, e.g. GROUND_HOME_DELIVERY.",
    )
    logistics_account = fields.Char(
        string="Carrier Account",
        groups="logistics_canonical.group_connector_admin",
        help="On a platform with several carriers: which of your accounts there is "
        "used.",
    )
    logistics_option_ids = fields.Many2many(
        "logistics.delivery.option", string="Options"
    )
    logistics_label_format = fields.Selection(
        [("PDF", "PDF"), ("ZPL", "ZPL (label printer)"), ("PNG", "PNG")],
        string="Label Format",
        default="PDF",
        required=True,
    )
    logistics_package_type_id = fields.Many2one(
        "stock.package.type",
        string="Usual Package",
        help="The size of what is sent without a package of its own.",
    )
    logistics_settings_text = fields.Text(
        string="Further Settings",
        groups="logistics_canonical.group_connector_admin",
        help="What only this carrier knows, one \u201cname = value\u201d a line. The "
        "addon's description lists the names.",
    )
    logistics_contents = fields.Selection(
        [
            ("merchandise", "Merchandise"),
            ("gift", "Gift"),
            ("documents", "Documents"),
            ("sample", "Sample"),
        ],
        string="Contents",
        default="merchandise",
        required=True,
    )
    logistics_deadline = fields.Float(
        string="Wait for a Rate (Seconds)",
        default=5.0,
        help="How long a quotation waits for the carrier before the fallback applies.",
    )
    logistics_fallback = fields.Selection(
        [
            ("refuse", "Show no price"),
            ("last", "Take the last known price for the same parcel"),
            ("fixed", "Take the fixed price below"),
        ],
        string="If No Rate Comes",
        default="last",
        required=True,
    )
    logistics_fallback_price = fields.Float(
        string="Fallback Price",
        help="In the company's currency, and before the margin.",
    )

    @api.depends("delivery_type", "logistics_connector_id")
    def _compute_can_generate_return(self):
        result = super()._compute_can_generate_return()
        for carrier in self:
            if carrier._logistics_books():
                carrier.can_generate_return = carrier._logistics_can("return")
        return result

    @api.depends("delivery_type")
    def _compute_supports_shipping_insurance(self):
        result = super()._compute_supports_shipping_insurance()
        for carrier in self:
            if carrier.delivery_type == DELIVERY_TYPE:
                carrier.supports_shipping_insurance = True
        return result

    @api.constrains("logistics_settings_text")
    def _check_logistics_settings_text(self):
        for carrier in self:
            for line in (carrier.logistics_settings_text or "").splitlines():
                if line.strip() and not line.partition("=")[0].strip().isidentifier():
                    raise ValidationError(
                        self.env._(
                            "\u201c%s\u201d is no setting. Write name = value.", line
                        )
                    )

    def write(self, vals):
        result = super().write(vals)
        if "logistics_option_ids" in vals:
            # _logistics_option_codes
            self.env.registry.clear_cache("stable")
        return result

    # === WHAT IT CAN DO === #

    def _logistics_books(self):
        """Tell whether parcels of this method are booked through a connector."""
        return self.delivery_type == DELIVERY_TYPE and bool(
            self.sudo().logistics_connector_id
        )

    def _logistics_can(self, operation):
        """Tell whether the carrier offers an operation."""
        self.ensure_one()
        # People who ship see no connectors; what one can do is no secret.
        connector = self.sudo().logistics_connector_id
        return bool(connector) and operation in connector._compiled_profile().operations

    def _logistics_ready_connector(self, company):
        """Return the connector, ready to be asked.

        :param company: whose parcels it is about
        :raise UserError: with what is missing
        """
        self.ensure_one()
        # As in _logistics_can; it is used to ask, never returned to a screen.
        connector = self.sudo().logistics_connector_id
        if not connector:
            raise UserError(
                self.env._(
                    "%s has no connector. An administrator chooses it on the "
                    "delivery method.",
                    self.name,
                )
            )
        # No more than that of a wide row, see _logistics_read_ahead.
        connector.fetch(["active", "company_id", "state", "profile_id"])
        if connector.company_id != company:
            # The account, and who pays for it, are that company's.
            raise UserError(
                self.env._(
                    "%(carrier)s can't be used: its connector belongs to another "
                    "company than %(company)s.",
                    carrier=self.name,
                    company=company.name,
                )
            )
        if not connector.active:
            raise UserError(
                self.env._("%s can't be used: its connector is archived.", self.name)
            )
        if connector.state != "active":
            raise UserError(
                self.env._("%s can't be used: its connector is not started.", self.name)
            )
        return connector

    def _logistics_max_packages(self, company):
        """Return how many parcels can be booked at once."""
        adapter = self._logistics_ready_connector(company)._get_adapter()
        return getattr(adapter, "max_packages", 1)

    def action_logistics_find_services(self):
        """Open the dialog that asks the carrier which services it offers."""
        self.ensure_one()
        self._logistics_ready_connector(self.env.company)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Find Services"),
            "res_model": "logistics.service.find",
            "view_mode": "form",
            "target": "new",
            "context": {"default_carrier_id": self.id},
        }

    # === RATES === #

    def logistics_rate_shipment(self, order):
        """Return what the carrier asks for an order; see ``rate_shipment``."""
        # A comparison has asked already, for all carriers at once.
        known = self.env.context.get("logistics_rate")
        return dict(known or self._logistics_rate(order)[self.id])

    def _logistics_rates(self, order):
        """Return what ``rate_shipment`` would, for several methods at once.

        The carriers are asked in parallel first; what ``rate_shipment`` asks then is
        known already.

        :return: carrier id to dict, with ``quote`` and ``reason``
        """
        raw = self._logistics_rate(order)
        return {
            carrier.id: {
                **carrier.with_context(logistics_rate=raw[carrier.id]).rate_shipment(
                    order
                ),
                "quote": raw[carrier.id]["quote"],
                "reason": raw[carrier.id]["reason"],
            }
            for carrier in self
        }

    def _logistics_rate(self, order):
        """Rate an order with several methods at once.

        :return: carrier id to the dict that ``rate_shipment`` returns, with
            ``quote`` (:class:`~..core.shipping.Quote` or None) and ``reason``
        """
        asked, answers = {}, {}
        for carrier in self:
            try:
                connector = carrier._logistics_ready_connector(order.company_id)
                request = carrier._logistics_request_from_order(order)
                carrier._logistics_refuse(request, order.company_id, rating=True)
            except UserError as error:
                answers[carrier.id] = _no_rate(str(error))
                continue
            asked[carrier.id] = (connector, to_payload(request))
        quotes = self.env["logistics.rate"]._ask(
            list(asked.values()),
            order,
            max(self.mapped("logistics_deadline") or [0]) or 5.0,
        )
        for (carrier_id, (connector, payload)), (found, error) in zip(
            asked.items(), quotes, strict=True
        ):
            carrier = self.browse(carrier_id)
            try:
                answers[carrier_id] = carrier._logistics_price(
                    order, connector, payload, found, error
                )
            except UserError as unknown:
                answers[carrier_id] = _no_rate(str(unknown))
        return answers

    def _logistics_price(self, order, connector, payload, quotes, error):
        """Turn an answer into a price, or apply the fallback.

        :raise UserError: when the carrier's currency is not known
        """
        self.ensure_one()
        matching = [
            quote
            for quote in quotes or ()
            if not self.logistics_service or quote.service == self.logistics_service
        ]
        quote, reason = choose(matching, "cheapest")
        if quote:
            return {
                "success": True,
                "price": self._logistics_in_order_currency(quote, order),
                "error_message": False,
                "warning_message": False,
                "quote": quote,
                "reason": reason,
            }
        error = error or self.env._(
            "%(carrier)s offers no service %(service)s for this shipment.",
            carrier=self.name,
            service=self.logistics_service or "",
        )
        if self.logistics_fallback == "fixed":
            return _fallback(
                self._compute_currency(
                    order, self.logistics_fallback_price, "company_to_pricelist"
                ),
                self.env._("The carrier gave no rate (%s): the fixed price.", error),
            )
        if self.logistics_fallback == "last":
            last = self.env["logistics.rate"]._last(
                connector, payload, self.logistics_service
            )
            if last:
                quote, when = last
                return dict(
                    _fallback(
                        self._logistics_in_order_currency(quote, order),
                        self.env._(
                            "The carrier gave no rate (%(error)s): its price of "
                            "%(when)s.",
                            error=error,
                            when=fields.Date.to_string(when),
                        ),
                    ),
                    quote=quote,
                )
        return _no_rate(error)

    def _logistics_in_order_currency(self, quote, order):
        """Return a quote's total in the order's currency, which Odoo expects."""
        currency = (
            self.env["res.currency"]
            .with_context(active_test=False)
            .search([("name", "=", quote.currency)], limit=1)
        )
        if not currency:
            raise UserError(
                self.env._(
                    "The carrier's price is in %s, which Odoo doesn't know.",
                    quote.currency,
                )
            )
        return currency._convert(
            float(quote.total), order.currency_id, order.company_id, fields.Date.today()
        )

    # === SHIPPING === #

    def logistics_send_shipping(self, pickings):
        """Book transfers in the background; the numbers come later.

        :return: see ``send_shipping``
        """
        pickings._logistics_book()
        return [{"exact_price": 0.0, "tracking_number": False} for _p in pickings]

    def logistics_get_tracking_link(self, picking):
        """Return the carrier's page of a transfer's numbers; see
        ``get_tracking_link``."""
        return picking._logistics_tracking_link()

    def logistics_cancel_shipment(self, pickings):
        """Void what was booked for transfers."""
        pickings.logistics_booking_ids._cancel()

    def logistics_get_return_label(self, pickings, tracking_number=None, day=None):
        """Book a return of transfers in the background; the label comes later."""
        for picking in pickings:
            picking._logistics_book_return()

    def _logistics_get_default_custom_package_code(self):
        return ""

    # === REQUESTS === #

    def _logistics_request_from_order(self, order):
        """Return what is asked to rate an order.

        :rtype: :class:`~..core.shipping.ShipRequest`
        """
        self.ensure_one()
        packages = self._logistics_packages(order)
        value = sum(
            line.price_reduce_taxinc * line.product_uom_qty
            for line in order.order_line
            if not line.is_delivery and not line.display_type
        )
        shipper = order.warehouse_id.partner_id or order.company_id.partner_id
        wanted = order.commitment_date or order.expected_date
        today = self._logistics_day(shipper)
        return self._logistics_request(
            packages,
            shipper=shipper,
            recipient=order.partner_shipping_id,
            company=order.company_id,
            incoterm=order.incoterm,
            currency=order.currency_id,
            value=value,
            # What was wanted earlier can't leave earlier any more.
            ship_on=max(today, self._logistics_day(shipper, wanted)),
            reference="",
        )

    def _logistics_request_from_picking(self, picking, reference, packages):
        """Return what is asked to book a transfer.

        The cash to be collected is not in it: one of several bookings asks for it.

        :param str reference: ours, of the booking
        :param packages: Odoo's delivery packages
        :rtype: :class:`~..core.shipping.ShipRequest`
        :raise UserError: when the transfer goes to nobody
        """
        self.ensure_one()
        if not picking.partner_id:
            raise UserError(self.env._("%s has no delivery address.", picking.name))
        currency = picking.sale_id.currency_id or picking.company_id.currency_id
        value = sum(
            goods.monetary_value * goods.qty
            for package in packages
            for goods in package.commodities
        )
        shipper = (
            picking.picking_type_id.warehouse_id.partner_id
            or picking.company_id.partner_id
        )
        return self._logistics_request(
            packages,
            shipper=shipper,
            recipient=picking.partner_id,
            company=picking.company_id,
            incoterm=picking.sale_id.incoterm,
            currency=currency,
            value=value,
            # Also of what was validated days ago and was refused then.
            ship_on=self._logistics_day(shipper),
            reference=reference,
            order=picking.sale_id.client_order_ref or picking.origin or picking.name,
            invoice_number=picking.name,
        )

    def _logistics_request(
        self,
        packages,
        *,
        shipper,
        recipient,
        company,
        incoterm,
        currency,
        value,
        ship_on,
        reference,
        order="",
        invoice_number="",
    ):
        settings = self._logistics_settings()
        return ShipRequest(
            reference=reference or "rate",
            shipper=self._logistics_address(shipper, company, self.env._("sender")),
            recipient=self._logistics_address(
                recipient, company, self.env._("delivery address")
            ),
            packages=tuple(
                self._logistics_package(
                    package, f"{reference or 'P'}-{place}", currency
                )
                for place, package in enumerate(packages, 1)
            ),
            service=self.logistics_service or "",
            currency=currency.name,
            insured=to_decimal(value * self.shipping_insurance / 100, 2),
            options=self._logistics_option_codes(),
            ship_on=ship_on,
            order=(order or "")[:35],
            # What the sale agreed, then the company's usual; else what carriers assume.
            incoterm=(incoterm or company.incoterm_id).code or "DAP",
            contents=self.logistics_contents,
            invoice_number=invoice_number,
            label_format=self.logistics_label_format,
            settings=settings,
        )

    @api.model
    def _logistics_day(self, shipper, moment=None):
        """Return the day of a moment, today if none, by the clock of the shipper.

        A shipper without a time zone has that of the user.

        :param datetime moment: in UTC
        :rtype: datetime.date
        """
        local = shipper.with_context(tz=shipper.tz) if shipper.tz else shipper
        return fields.Date.context_today(local, moment)

    @tools.ormcache("self.id", cache="stable")
    def _logistics_option_codes(self):
        """Return the codes of this method's options; they hardly ever change."""
        return tuple(self.logistics_option_ids.mapped("code"))

    def _logistics_settings(self):
        """Return what this method adds to a request beside the service."""
        self.ensure_one()
        carrier = self.sudo()  # accounts are closed to people who ship
        settings = {
            name.strip(): _plain(value.strip())
            for name, _equals, value in (
                line.partition("=")
                for line in (carrier.logistics_settings_text or "").splitlines()
                if line.strip()
            )
        }
        if carrier.logistics_account:
            settings["carrier_account"] = carrier.logistics_account
        return settings

    def _logistics_packages(self, source):
        """Return Odoo's delivery packages of a transfer or an order.

        :raise UserError: naming the products whose weight is missing
        """
        usual = self._logistics_package_type()
        is_order = source._name == "sale.order"
        self._logistics_read_ahead(source if is_order else source.picking_type_id)
        try:
            if is_order:
                return self._get_packages_from_order(source, usual)
            # What isn't kept in stock is in no package but by its transfer's lines.
            weighed = source.with_prefetch().with_context(picking_id=source.id)
            # Odoo remembers what packages weigh, but not by which transfer.
            packages = weighed.move_line_ids.result_package_id
            packages.invalidate_recordset(["weight"], flush=False)
            return self._get_packages_from_picking(weighed, usual)
        except UserError:
            # Odoo says that the weight is 0, but not whose.
            lines = source.order_line if is_order else source.move_line_ids
            weightless = lines.product_id.filtered(
                lambda product: product.type == "consu" and not product.weight
            )
            if not weightless:
                raise
            findings = [
                checks.Finding("missing", product.display_name, "weight")
                for product in weightless
            ]
            self._logistics_raise(findings)

    @api.model
    def _logistics_read_ahead(self, place):
        """Read what a request needs of the sender, and no more than that.

        These rows are wide, and Odoo reads whole ones where it asks for one field.

        :param place: what has ``warehouse_id``
        """
        place.warehouse_id.fetch(["partner_id"])
        sender = place.warehouse_id.partner_id
        sender.fetch(ADDRESS_FIELDS)
        sender.country_id.fetch(["code"])

    def _logistics_package_type(self):
        return self.logistics_package_type_id or self.env["stock.package.type"].new({})

    @api.model
    def _logistics_address(self, partner, company, label):
        """Return a partner as an address.

        :rtype: :class:`~..core.shipping.Address`
        """
        firm = partner.commercial_partner_id if not partner.is_company else partner
        company_name = (
            partner.name
            if partner.is_company
            else partner.commercial_company_name or (firm.is_company and firm.name)
        )
        return Address(
            country=partner.country_id.code or "",
            name="" if partner.is_company else partner.name or "",
            company=company_name or "",
            street=partner.street or "",
            street2=partner.street2 or "",
            city=partner.city or "",
            state=partner.state_id.code or "",
            zip=partner.zip or "",
            phone=partner.phone or firm.phone or "",
            email=partner.email or firm.email or "",
            residential=not company_name,
            vat=firm.vat or "",
            label=f"{label} ({partner.complete_name})",
        )

    @api.model
    def _logistics_package(self, package, reference, currency):
        """Return one of Odoo's delivery packages in kilograms and centimetres.

        :rtype: :class:`~..core.shipping.Package`
        """
        sizes = {
            side: self._logistics_cm(length)
            for side, length in package.dimension.items()
        }
        return Package(
            reference=reference,
            weight=self._logistics_kg(package.weight),
            length=sizes["length"],
            width=sizes["width"],
            height=sizes["height"],
            packaging=package.packaging_type or "",
            value=to_decimal(
                sum(goods.monetary_value * goods.qty for goods in package.commodities),
                2,
            ),
            currency=currency.name,
            commodities=tuple(
                Commodity(
                    description=goods.product_id.name,
                    quantity=to_decimal(goods.qty, 0),
                    weight=self._logistics_kg(goods.product_id.weight),
                    value=to_decimal(goods.monetary_value, 2),
                    currency=currency.name,
                    origin=goods.country_of_origin or "",
                    hs_code=goods.product_id.hs_code or "",
                    sku=goods.product_id.default_code or "",
                )
                for goods in package.commodities
            ),
        )

    @api.model
    def _logistics_kg(self, weight):
        """Return a weight in Odoo's unit (system-wide) in kilograms."""
        return to_decimal((weight or 0) * self._logistics_units()[0], 3)

    @api.model
    def _logistics_cm(self, length):
        """Return a length in Odoo's unit (system-wide) in centimetres."""
        return to_decimal((length or 0) * self._logistics_units()[1], 1)

    @api.model
    @tools.ormcache()
    def _logistics_units(self):
        """Return the kilograms and centimetres of Odoo's units (system-wide).

        Cached, because each package asks several times; setting the system parameters
        that choose the units clears the cache.
        """
        template = self.env["product.template"]
        weight = template._get_weight_uom_id_from_ir_config_parameter()
        length = template._get_length_uom_id_from_ir_config_parameter()
        kilogram = self.env.ref("uom.product_uom_kgm")
        centimetre = self.env.ref("uom.product_uom_cm")
        return (
            weight._compute_quantity(1, kilogram, round=False),
            length._compute_quantity(1, centimetre, round=False),
        )

    def _logistics_refuse(self, request, company, rating=False):
        """Raise what must be mended before the carrier can be asked.

        :param bool rating: only for a price, which needs less than a booking
        :raise UserError: naming address fields and products
        """
        self.ensure_one()
        adapter = self._logistics_ready_connector(company)._get_adapter()
        required = () if rating else getattr(adapter, "required", ())
        findings = checks.check(request, required, max_packages=10_000)
        if findings:
            self._logistics_raise(findings)

    def _logistics_raise(self, findings):
        texts = [self._logistics_explain(finding) for finding in findings]
        raise UserError(
            self.env._("%s can't take this yet:", self.name)
            + "".join(f"\n- {text}" for text in texts)
        )

    @api.model
    def _logistics_explain(self, finding):
        fields_by_name = {
            "country": self.env._("country"),
            "name": self.env._("name"),
            "street": self.env._("street"),
            "city": self.env._("city"),
            "zip": self.env._("postal code"),
            "state": self.env._("state"),
            "phone": self.env._("phone number"),
            "email": self.env._("e-mail address"),
            "weight": self.env._("weight"),
            "dimensions": self.env._("dimensions"),
            "hs_code": self.env._("HS code"),
            "origin": self.env._("country of origin"),
            "value": self.env._("price"),
            "packages": self.env._("parcels"),
            "service": self.env._("service of the delivery method"),
            "commodities": self.env._("list of goods"),
            "vat": self.env._("tax identification"),
            "currency": self.env._("currency"),
        }
        name = fields_by_name.get(finding.field, finding.field)
        if finding.code == "missing":
            return (
                self.env._("%(subject)s: the %(field)s is missing")
                if finding.subject
                else self.env._("The %(field)s is missing")
            ) % {"subject": finding.subject, "field": name}
        return self.env._(
            "%(subject)s: the %(field)s can't be \u201c%(value)s\u201d",
            subject=finding.subject,
            field=name,
            value=finding.value,
        )


def _no_rate(text):
    return {
        "success": False,
        "price": 0.0,
        "error_message": text,
        "warning_message": False,
        "quote": None,
        "reason": "",
    }


def _fallback(price, text):
    return {
        "success": True,
        "price": price,
        "error_message": False,
        "warning_message": text,
        "quote": None,
        "reason": "fallback",
    }


def _plain(text):
    """Return a setting's value: yes and no are said, all else is text."""
    return {"yes": True, "no": False}.get(text.lower(), text)


def to_decimal(number, digits):
    return round(Decimal(str(number or 0)), digits)
