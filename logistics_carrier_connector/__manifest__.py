# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Logistics Carrier Connector",
    "summary": "Carriers: rates, bookings, labels, returns, pickups and tracking",
    "version": "19.0.1.0.0",
    "category": "Supply Chain/Logistics",
    "author": "Logistics Suite contributors",
    "license": "LGPL-3",
    "depends": ["logistics_canonical", "stock_delivery"],
    "external_dependencies": {"python": ["zeep"]},
    "data": [
        "security/logistics_security.xml",
        "security/ir.model.access.csv",
        "data/logistics_profiles.xml",
        "data/logistics_booking_data.xml",
        "data/ir_cron_data.xml",
        "wizards/logistics_service_find_views.xml",
        "views/delivery_carrier_views.xml",
        "views/logistics_booking_views.xml",
        "views/logistics_pickup_views.xml",
        "views/logistics_shipment_views.xml",
        "views/stock_picking_views.xml",
        "views/sale_portal_templates.xml",
        "views/logistics_menus.xml",
    ],
    "demo": ["demo/logistics_demo.xml"],
    "assets": {
        "web.assets_backend": ["logistics_carrier_connector/static/src/**/*"],
        "web.assets_tests": ["logistics_carrier_connector/static/tests/tours/**/*"],
    },
}
