# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
{
    "name": "Logistics Live Tests",
    "summary": "Stops the sender where a test wants it; never installed elsewhere",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "author": "Logistics Suite contributors",
    "license": "LGPL-3",
    "depends": ["logistics_carrier_connector"],
}
