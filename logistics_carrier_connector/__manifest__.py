# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Logistics Carrier Connector",
    "summary": "Carriers and freight platforms: tracking for deliveries",
    "version": "19.0.1.0.0",
    "category": "Supply Chain/Logistics",
    "author": "Logistics Suite contributors",
    "license": "LGPL-3",
    "depends": ["logistics_canonical", "stock_delivery"],
    "data": [
        "data/logistics_profiles.xml",
        "data/ir_cron_data.xml",
        "views/delivery_carrier_views.xml",
        "views/logistics_shipment_views.xml",
    ],
    "demo": ["demo/logistics_demo.xml"],
}
