"""What every test begins with."""

import gc
import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from bot.work import live
from tests.approving import approve_here
from tests.log_watch import Watch

pytest.register_assert_rewrite("tests.journeys.shop")  # whoever imports it first

# A gate must give the same answer for the same code; the search for new examples is for those who develop.
settings.register_profile("gate", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("gate")


@pytest.fixture(autouse=True)
def _approves_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start approves rules in this process where the test does not ask for the ``child``."""
    if "child" not in request.fixturenames:
        monkeypatch.setattr(live, "approve", approve_here)


@pytest.fixture
def child() -> Iterator[None]:
    """Rules are approved as the program does it, which keeps what was approved from the garbage collector for good."""
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _logs_name_nobody(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test has the program log, ours and the libraries' lines alike, it names nobody. A command that sets up logging for its
    process must not do so for the tests that follow."""
    watch = Watch()
    structlog.reset_defaults()
    structlog.configure(processors=[watch.event, *structlog.get_config()["processors"]])
    root = logging.getLogger()
    root.addHandler(watch)
    yield
    root.removeHandler(watch)
    structlog.reset_defaults()
    if request.node.get_closest_marker("names_somebody") is None:
        assert not watch.named, "Log lines name somebody:\n" + "\n".join(watch.named)
