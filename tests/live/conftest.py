# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import harness  # noqa: E402


@pytest.fixture(scope="session")
def prepared():
    """A database with the suite installed and its connectors running."""
    return harness.prepare()


@pytest.fixture(scope="module")
def database(prepared, request):
    """A fresh clone of the prepared database for one module."""
    name = request.module.__name__.rpartition(".")[2].removeprefix("test_")
    database = harness.Database(f"live_{name}")
    database.create_from(prepared.name)
    yield database
    database.drop()


@pytest.fixture(scope="module")
def server(database):
    """A running server with four HTTP and five cron workers."""
    with harness.Server(database) as server:
        yield server


@pytest.fixture
def sender(server):
    sender = harness.Sender(server.port)
    yield sender
    sender.close()
