# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Logistics Canonical",
    "summary": "Connectors, messages, events and shipments of a logistics network",
    "version": "19.0.1.0.0",
    "category": "Supply Chain/Logistics",
    "author": "Logistics Suite contributors",
    "license": "LGPL-3",
    "depends": ["mail", "sale_stock"],
    "external_dependencies": {
        "python": [
            "requests",
            "lxml",
            "cryptography",
            "jmespath",
            "jsonschema",
            "pyjwt",
            "zeep",
        ],
    },
    "data": [
        "security/logistics_security.xml",
        "security/ir.model.access.csv",
        "data/logistics_vocabulary.xml",
        "data/ir_cron_data.xml",
        "wizards/logistics_message_replay_views.xml",
        "wizards/logistics_message_decide_views.xml",
        "wizards/logistics_credential_set_views.xml",
        "views/logistics_message_views.xml",
        "views/logistics_event_views.xml",
        "views/logistics_shipment_views.xml",
        "views/logistics_profile_views.xml",
        "views/logistics_connector_views.xml",
        "views/stock_picking_views.xml",
        "views/sale_order_views.xml",
        "views/res_config_settings_views.xml",
        "views/logistics_menus.xml",
    ],
    "assets": {
        "web.assets_tests": ["logistics_canonical/static/tests/tours/**/*"],
    },
}
