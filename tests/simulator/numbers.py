# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Tracking numbers with the check digits their carriers use."""

import string


def usps(serial):
    """Return a 22-digit USPS label number; weights 3 and 1 from the right, mod 10."""
    body = f"94055001{serial:013}"
    total = sum(
        int(digit) * (3 if index % 2 == 0 else 1)
        for index, digit in enumerate(reversed(body))
    )
    return f"{body}{-total % 10}"


def ups(account, serial, service="03"):
    """Return a 1Z number; letters count as digits, every second one doubled."""
    body = f"{account:0>6.6}{service:0>2.2}{serial % 10**7:07}"
    total = 0
    for index, sign in enumerate(body):
        value = (
            int(sign)
            if sign.isdigit()
            else (string.ascii_uppercase.index(sign) - 8) % 10
        )
        total += value * (2 if index % 2 else 1)
    return f"1Z{body}{-total % 10}"


def fedex(serial):
    """Return a 12-digit FedEx number; weights 3, 1, 7 and mod 11."""
    body = f"7940{serial % 10**7:07}"
    total = sum(int(digit) * (3, 1, 7)[index % 3] for index, digit in enumerate(body))
    return f"{body}{total % 11 % 10}"


def dhl_express(serial):
    """Return a 10-digit waybill; the last digit is the rest mod 7."""
    body = f"{100_000_000 + serial % 10**8:09}"
    return f"{body}{int(body) % 7}"


def postal(serial, prefix="XY", country="FR"):
    """Return a UPU S10 number."""
    body = f"{serial % 10**8:08}"
    weights = (8, 6, 4, 2, 3, 5, 9, 7)
    check = 11 - sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11
    check = {10: 0, 11: 5}.get(check, check)
    return f"{prefix}{body}{check}{country}"


def postnl(serial):
    """Return a PostNL domestic number."""
    return f"3SSIMU{serial:07}"
