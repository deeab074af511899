# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The one place that talks to the network.

Nothing here knows a database. A :class:`Call` carries all a worker thread needs;
:func:`send` returns the partner's answer or raises :class:`TransportError`.
"""

from .http import Call, TransportError, send

__all__ = ["Call", "TransportError", "send"]
