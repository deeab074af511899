# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Lets pytest import the pure layers of the addons without Odoo.

``odoo.addons.<addon>.core`` is the name the code itself uses. Here the packages
above it are empty shells with a path, so that importing a pure module runs no
addon's ``__init__`` and fails if the module needs Odoo after all.
"""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent

# The same examples on each run, and a busy machine is no failure.
settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")


def _shell(name, path):
    module = ModuleType(name)
    module.__path__ = [str(path)] if path else []
    sys.modules[name] = module


_shell("odoo", None)
_shell("odoo.addons", None)
for _manifest in ROOT.glob("*/__manifest__.py"):
    _shell(f"odoo.addons.{_manifest.parent.name}", _manifest.parent)


def pytest_collect_directory(path, parent):
    """Addons are packages of Odoo's, not of pytest's: don't import them."""
    return pytest.Dir.from_parent(parent, path=path)
