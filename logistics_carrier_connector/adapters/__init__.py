# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from .chronopost import ChronopostAdapter
from .dhl_express import DhlExpressAdapter
from .easypost import EasyPostAdapter
from .fedex import FedexAdapter
from .sendcloud import SendcloudAdapter
from .ups import UpsAdapter

#: Protocols that a profile alone can't express, by the name profiles give them.
ADAPTERS = {
    "chronopost": ChronopostAdapter,
    "dhl_express": DhlExpressAdapter,
    "easypost": EasyPostAdapter,
    "fedex": FedexAdapter,
    "sendcloud": SendcloudAdapter,
    "ups": UpsAdapter,
}
