"""What every test begins with."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _plain_logging() -> Iterator[None]:
    """A command that sets up logging for its process must not do so for the tests that follow."""
    yield
    structlog.reset_defaults()
