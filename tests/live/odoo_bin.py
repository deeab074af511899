# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Starts Odoo. A server with workers starts itself again for the event loop, by
the path of its script: ``python -m odoo`` can't do that."""

from odoo.cli.command import main

if __name__ == "__main__":
    main()
