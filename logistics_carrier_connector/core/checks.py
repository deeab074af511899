# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is missing or impossible in a request, found before the carrier is asked.

A carrier's refusal names a field of its own protocol; what is found here names the
address and the product, for the person who can mend it.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from .shipping import Address, Package, PickupRequest, ShipRequest

#: Countries whose addresses carriers refuse without a subdivision.
WITH_STATES = frozenset({"US", "CA", "AU", "MX", "BR", "IN"})
#: Countries without postal codes in use (Universal Postal Union, addressing
#: systems of members); everywhere else one is needed.
WITHOUT_ZIP = frozenset(
    "AE AG AO AW BF BI BJ BO BQ BS BW BZ CD CF CG CI CK CM CW DJ DM ER FJ GD GH GM "
    "GN GQ GY HK KI KM KN KP LY ML MO MR MW NR NU QA RW SB SC SL SR ST SY TF TG TK "
    "TL TO TV UG VU YE ZW".split()
)
#: How postal codes are written (UPU); only countries with one plain form.
ZIP_FORMS = {
    "US": r"\d{5}(-?\d{4})?",
    "CA": r"[A-Z]\d[A-Z] ?\d[A-Z]\d",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
    "DE": r"\d{5}",
    "FR": r"\d{5}",
    "IT": r"\d{5}",
    "ES": r"\d{5}",
    "NL": r"\d{4} ?[A-Z]{2}",
    "BE": r"\d{4}",
    "AT": r"\d{4}",
    "CH": r"\d{4}",
    "DK": r"\d{4}",
    "PL": r"\d{2}-?\d{3}",
    "PT": r"\d{4}-?\d{3}",
    "SE": r"\d{3} ?\d{2}",
}
#: The longest side and the heaviest parcel any parcel carrier takes; more than
#: that is a slip in the unit of measure.
MOST_KG, MOST_CM = Decimal(1000), Decimal(600)


class Finding(NamedTuple):
    """Something a person has to mend.

    :param code: what is wrong, e.g. ``missing``
    :param subject: the address or product it is about, as a person knows it
    :param field: ``city``, ``weight``, …
    :param value: what stands there now
    """

    code: str
    subject: str
    field: str
    value: str = ""


def check(
    request: ShipRequest, required: Iterable[str] = (), max_packages: int = 99
) -> list[Finding]:
    """Return what must be mended before a carrier can take this request.

    :param required: further fields this carrier wants, as ``recipient.phone``
    :param max_packages: the most parcels it takes at once
    """
    findings = []
    declared = request.crosses_customs and request.contents != "documents"
    for side in ("shipper", "recipient"):
        address = getattr(request, side)
        wanted = {
            path.partition(".")[2] for path in required if path.startswith(f"{side}.")
        }
        findings += _check_address(address, wanted, declared)
    if not request.packages:
        findings.append(Finding("missing", "", "packages"))
    if len(request.packages) > max_packages:
        findings.append(Finding("too_many", "", "packages", str(len(request.packages))))
    for package in request.packages:
        findings += _check_package(package, declared)
    if "service" in required and not request.service:
        findings.append(Finding("missing", "", "service"))
    if (request.cod or request.insured) and not request.currency:
        findings.append(Finding("missing", "", "currency"))
    return list(dict.fromkeys(findings))


def check_pickup(request: PickupRequest) -> list[Finding]:
    """Return what must be mended before a carrier can be asked to come."""
    return list(_check_address(request.address, {"phone"}, False))


def _check_address(address: Address, wanted: set[str], abroad: bool):
    label = address.label
    if not address.country:
        yield Finding("missing", label, "country")
        return
    needed = {"street", "city"} | wanted
    if not (address.name or address.company):
        yield Finding("missing", label, "name")
    if address.country not in WITHOUT_ZIP:
        needed.add("zip")
    if address.country in WITH_STATES:
        needed.add("state")
    if abroad:
        # Customs and the last mile call before they give up.
        needed.add("phone")
    for field in sorted(needed):
        if not str(getattr(address, field)).strip():
            yield Finding("missing", label, field)
    form = ZIP_FORMS.get(address.country)
    zip_code = address.zip.strip().upper()
    if form and zip_code and not re.fullmatch(form, zip_code):
        yield Finding("impossible", label, "zip", address.zip)
    if address.email and "@" not in address.email:
        yield Finding("impossible", label, "email", address.email)


def _check_package(package: Package, abroad: bool):
    sides = (package.length, package.width, package.height)
    if package.weight <= 0:
        weightless = [c.label for c in package.commodities if c.weight <= 0]
        if weightless:
            for goods in weightless:
                yield Finding("missing", goods, "weight")
        else:
            yield Finding("missing", package.reference, "weight")
    elif package.weight > MOST_KG:
        yield Finding(
            "impossible", package.reference, "weight", f"{package.weight:f} kg"
        )
    if any(side < 0 or side > MOST_CM for side in sides):
        text = " x ".join(f"{side:f}" for side in sides)
        yield Finding("impossible", package.reference, "dimensions", f"{text} cm")
    if any(sides) and not all(sides):
        yield Finding("missing", package.reference, "dimensions")
    if not abroad:
        return
    if not package.commodities:
        yield Finding("missing", package.reference, "commodities")
    for goods in package.commodities:
        if not goods.hs_code:
            yield Finding("missing", goods.label, "hs_code")
        if not goods.origin:
            yield Finding("missing", goods.label, "origin")
        if goods.value <= 0:
            yield Finding("missing", goods.label, "value")
