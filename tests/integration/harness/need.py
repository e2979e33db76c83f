"""What tests need and may not have."""

import os

import pytest


def without(reason, module=False):
    """Skips the test (at a module's head: all of its tests) because something is missing; with CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=module)
