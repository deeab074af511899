# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Logistics Exception Queue",
    "summary": "One queue for what needs a person, with the action that mends it",
    "version": "19.0.1.0.0",
    "category": "Supply Chain/Logistics",
    "author": "Logistics Suite contributors",
    "license": "LGPL-3",
    "depends": ["logistics_canonical"],
    "data": [
        "security/logistics_exception_security.xml",
        "security/ir.model.access.csv",
        "views/logistics_exception_views.xml",
        "views/logistics_shipment_views.xml",
        "views/logistics_connector_views.xml",
        "views/logistics_message_views.xml",
    ],
    "assets": {
        "web.assets_tests": ["logistics_exception_queue/static/tests/tours/**/*"],
    },
}
