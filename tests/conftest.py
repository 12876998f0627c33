from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Visit, started_browser

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="also run the tests marked slow")
    parser.addoption("--run-real-data", action="store_true", help="also run the tests marked real_data")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    has_data = (SHARED / "data").is_dir()
    for item in items:
        if "slow" in item.keywords and not config.getoption("--run-slow"):
            item.add_marker(pytest.mark.skip(reason="slow: pass --run-slow"))
        if "real_data" in item.keywords:
            if not config.getoption("--run-real-data"):
                item.add_marker(pytest.mark.skip(reason="real data: pass --run-real-data"))
            elif not has_data:
                item.add_marker(pytest.mark.skip(reason=f"real data: {SHARED / 'data'} is absent"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real public data and golden answers; a test that uses it is marked real_data."""
    return SHARED


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; tests of pages are skipped, with the reason, where it is absent."""
    with started_browser() as started:
        yield started


@pytest.fixture(autouse=True)
def _package_log() -> Iterator[None]:
    """The command line takes over the package's log; give it back, so that later tests can look into it."""
    logger = logging.getLogger("decode")
    before = (logger.handlers, logger.level, logger.propagate)
    yield
    logger.handlers, logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


@pytest.fixture
def visit(browser: Any, page_file: Path) -> Iterator[Callable[..., Visit]]:
    """Opens the page of the module's `page_file`, as often as asked; no visit may have had a complaint."""
    visits: list[Visit] = []

    def opened(**options: Any) -> Visit:
        visits.append(Visit(browser, page_file, **options))
        return visits[-1]

    yield opened
    for one in visits:
        assert one.complaints == []
        one.close()
