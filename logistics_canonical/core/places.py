# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Countries and time zones of the places partners write.

``places.json`` holds, per ISO 3166-1 country: its alpha-3 code, English name
(CLDR) and, where practically all of it keeps one time, the IANA zone (tz
database; for Spain, Portugal, Chile … the mainland's). A country with several
zones has its one-zone regions listed instead (``US-NJ``); a place that can't be
told (Florida has two) gives no zone.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from .events import Location

_TABLE = json.loads(Path(__file__).with_name("places.json").read_text(encoding="utf-8"))
_ZONES = {
    **_TABLE["regions"],
    **{code: row["zone"] for code, row in _TABLE["countries"].items() if "zone" in row},
}


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[^A-Z ]", " ", name.upper().replace("'", "")).split())


_COUNTRIES = {
    **{_plain(row["name"]): code for code, row in _TABLE["countries"].items()},
    **{row["iso3"]: code for code, row in _TABLE["countries"].items()},
    **{code: code for code in _TABLE["countries"]},
    **_TABLE["names"],
}


@lru_cache(maxsize=4096)
def country_code(text: str) -> str:
    """Return the ISO 3166-1 alpha-2 code of a country.

    :param text: alpha-2 or alpha-3 code or English name, in any case
    :return: two capital letters, ``""`` when it is no country we know
    """
    return _COUNTRIES.get(_plain(text), "")


def place_zone(location: Location, zones: Mapping[str, str]) -> str:
    """Return the IANA zone that is kept at a location, ``""`` if unknown.

    :param zones: a profile's own table, keyed by facility code, ``US-NJ`` or
        ``DE``; it is asked first
    """
    region = f"{location.country}-{location.state.upper()}"
    for key in (location.code, region, location.country):
        if key in zones:
            return zones[key]
    return _ZONES.get(region) or _ZONES.get(location.country, "")
