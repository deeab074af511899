# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Transfers that are ready to be validated, with and without a carrier.

Imported by the scripts that run inside Odoo: no imports of this folder.
"""


def connector(env, key, url, credentials):
    """Return a running connector whose partner is played on this machine."""
    found = env["logistics.connector"].create(
        {
            "name": f"Bench {key}",
            "profile_id": env["logistics.profile"]
            .search([("key", "=", key)], limit=1)
            .id,
            "base_url": url,
            "allow_loopback": True,
        }
    )
    found._set_credentials(credentials)
    found.action_start()
    return found


def carrier(env, connector, **values):
    """Return a delivery method that books through a connector."""
    product = env["product.product"].create(
        {"name": connector.name, "type": "service", "list_price": 0}
    )
    return env["delivery.carrier"].create(
        {
            "name": connector.name,
            "integration_level": "rate_and_ship",
            "product_id": product.id,
            "delivery_type": "logistics",
            "logistics_connector_id": connector.id,
            **values,
        }
    )


def partner(env, name):
    """Return a customer or warehouse with an address carriers accept."""
    country = env.ref("base.us")
    return env["res.partner"].create(
        {
            "name": name,
            "street": "1 Market Street",
            "city": "San Francisco",
            "zip": "94105",
            "state_id": env.ref("base.state_us_5").id,
            "country_id": country.id,
            "phone": "+1 415 555 0100",
            "email": "goods@example.com",
        }
    )


class Desk:
    """A warehouse with goods, and a customer who orders them one by one."""

    def __init__(self, env):
        self.env = env
        self.warehouse = env["stock.warehouse"].search(
            [("company_id", "=", env.company.id)], limit=1
        )
        self.warehouse.partner_id = partner(env, "Bench Warehouse")
        self.customer = partner(env, "Bench Customer")
        self.products = env["product.product"].create(
            [
                {
                    "name": f"Bench Lamp {number}",
                    "type": "consu",
                    "is_storable": True,
                    "weight": 1.2,
                    "list_price": 49,
                    "hs_code": "940521",
                }
                for number in range(5)
            ]
        )
        for product in self.products:
            env["stock.quant"]._update_available_quantity(
                product, self.warehouse.lot_stock_id, 1_000_000
            )
        # The question whether to text the customer isn't what is measured.
        env.company.stock_text_confirmation = False

    def orders(self, count, lines=1, carrier=None):
        """Return quotations.

        :param int count: how many
        :param int lines: of each, with a product of its own; at most five
        """
        return self.env["sale.order"].create(
            [
                {
                    "partner_id": self.customer.id,
                    "warehouse_id": self.warehouse.id,
                    "carrier_id": carrier.id if carrier else False,
                    "order_line": [
                        (0, 0, {"product_id": product.id, "product_uom_qty": 1})
                        for product in self.products[:lines]
                    ],
                }
                for _n in range(count)
            ]
        )

    def transfers(self, *args, **kwargs):
        """Return deliveries of confirmed orders, picked and ready to validate.

        Parameters as of :meth:`orders`.
        """
        orders = self.orders(*args, **kwargs)
        orders.action_confirm()
        pickings = orders.picking_ids
        pickings.move_ids.picked = True
        assert set(pickings.mapped("state")) == {"assigned"}
        assert pickings.carrier_id == orders.carrier_id
        return pickings


def person(env, name, group):
    """Return somebody who has the rights of one group and no others."""
    return env["res.users"].create(
        {"name": name, "login": name, "group_ids": [(6, 0, [env.ref(group).id])]}
    )
