# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Logistics",
    "summary": "Odoo as the governed hub of a logistics network",
    "version": "19.0.1.0.0",
    "category": "Supply Chain/Logistics",
    "author": "Logistics Suite contributors",
    "license": "LGPL-3",
    "depends": [
        "logistics_canonical",
        "logistics_carrier_connector",
        "logistics_exception_queue",
    ],
    "assets": {"web.assets_tests": ["logistics_suite/static/tests/tours/**/*"]},
    "application": True,
}
