"""Waiting is polling on a condition until a deadline: never a bare sleep."""

import os
import time

# Sanitizer builds and valgrind are slower; .ci/run stretches every deadline by this factor.
STRETCH = float(os.environ.get("TEST_STRETCH", "1"))


def wait_until(condition, what, timeout=30.0, pause=0.05):
    """Calls condition() until it answers something true, and returns that; fails naming `what` at the deadline."""
    deadline = time.monotonic() + timeout * STRETCH
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout * STRETCH:.0f} s in vain for {what}; last answer: {answer!r}")
        time.sleep(pause)
