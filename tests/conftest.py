"""What every test begins with."""

import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

pytest.register_assert_rewrite("tests.journeys.shop")  # whoever imports it first

# A gate must give the same answer for the same code; the search for new examples is for those who develop.
settings.register_profile("gate", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("gate")


@pytest.fixture(autouse=True)
def _plain_logging() -> Iterator[None]:
    """A command that sets up logging for its process must not do so for the tests that follow."""
    yield
    structlog.reset_defaults()
