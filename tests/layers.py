# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The layering rules: what a file may know follows from where it is.

- ``core/`` and ``adapters/`` import nothing of Odoo but another addon's ``core``,
  open no socket, and read no clock.
- The four sibling addons neither import, depend on nor refer to one another.
- Only the lane worker commits, and only through the scheduled action.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIBLINGS = (
    "logistics_carrier_connector",
    "logistics_wms_bridge",
    "logistics_customs",
    "logistics_exception_queue",
)
PURE = ("core", "adapters")
CORE_OF_ADDON = re.compile(r"odoo\.addons\.\w+\.core(\.|$)")
IO_MODULES = {"socket", "requests", "urllib3", "http", "subprocess", "psycopg2"}
CLOCKS = {"now", "utcnow", "today", "time", "monotonic"}
COMMITTERS = {"logistics_canonical/models/logistics_lane.py"}


def imports(tree):
    """Yield (line, module, names) of each absolute import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ()
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, node.module, [alias.name for alias in node.names]


def check_pure(path, tree):
    for line, module, names in imports(tree):
        if module.split(".")[0] == "odoo" and not CORE_OF_ADDON.match(module):
            if not all(CORE_OF_ADDON.match(f"{module}.{name}") for name in names):
                yield line, f"imports {module}: core and adapters know no Odoo"
            elif not names:
                yield line, f"imports {module}: core and adapters know no Odoo"
        if module.split(".")[0] in IO_MODULES and module != "http":
            yield line, f"imports {module}: core and adapters do no I/O"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else ""
            if name in ("time", "datetime", "date") and node.func.attr in CLOCKS:
                yield node.lineno, "reads a clock: pass the instant in"


def check_commit(path, tree):
    name = str(path.relative_to(ROOT))
    if name in COMMITTERS:
        return
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "commit"
        ):
            yield node.lineno, "commits: only the lane worker does"


def check_siblings(path, addon, text):
    others = [name for name in SIBLINGS if name != addon]
    for number, line in enumerate(text.splitlines(), 1):
        for other in others:
            if re.search(rf"\b{other}\b", line):
                yield number, f"names its sibling {other}"


def findings():
    """Yield (file, line, text) of each breach."""
    for manifest in sorted(ROOT.glob("*/__manifest__.py")):
        addon = manifest.parent
        for path in sorted(addon.rglob("*")):
            if path.suffix not in (".py", ".xml", ".csv") or not path.is_file():
                continue
            text = path.read_text(encoding="utf-8")
            found = []
            inside = path.relative_to(addon).parts
            if path.suffix == ".py":
                tree = ast.parse(text)
                if inside[0] in PURE:
                    found += check_pure(path, tree)
                if inside[0] != "tests":
                    found += check_commit(path, tree)
            if addon.name in SIBLINGS and inside[0] != "tests":
                found += check_siblings(path, addon.name, text)
            for line, problem in found:
                yield path.relative_to(ROOT), line, problem


def main():
    """Print the findings; return how many there are."""
    count = 0
    for path, line, problem in findings():
        print(f"{path}:{line}: {problem}")
        count += 1
    return count


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
