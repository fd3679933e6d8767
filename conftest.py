"""Lets ``pytest checks --conformant PATH`` find the leaves of this checkout."""

import pytest


def pytest_ignore_collect(collection_path: object, config: pytest.Config) -> bool | None:
    """Fixtures are inputs of checks, never tests."""
    return True if "/fixtures/" in str(collection_path).replace("\\", "/") else None
