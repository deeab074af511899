# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

import pytest

from odoo.addons.logistics_canonical.core.problem_json import problem


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 429])
def test_a_refusal_reads_as_rfc_9457_says(status):
    body, content_type = problem(status, 'Says "no" to Ü', retry=True)
    assert content_type == "application/problem+json"
    members = json.loads(body)
    assert members["status"] == status
    assert members["detail"] == 'Says "no" to Ü'
    assert members["type"] == "about:blank"
    assert members["title"], "with about:blank the title is the status phrase"
    assert members["retry"] is True
