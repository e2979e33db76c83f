"""Every action when answers get lost: the first answer to each operation never arrives whole although the cloud has carried it out.
What was done must be found by the next try, and nothing may be done twice."""

import threading

import pytest

from harness.proxy import NO_ANSWER, Proxy
from harness.scenarios import SCENARIOS, Aws


class Lossy(Proxy):
    """Keeps the first answer to each operation to itself."""

    def __init__(self, cloud, manner):
        self.lost, self.lock = [], threading.Lock()
        super().__init__(cloud, manner)

    def answered(self, operation):
        with self.lock:
            if operation in self.lost or operation.startswith("HEAD "):
                return False
            self.lost.append(operation)
            return True


@pytest.mark.parametrize("manner", NO_ANSWER)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_answers_get_lost(request, exec_event, scenario, manner):
    cloud = request.getfixturevalue(scenario.server)
    event, check = scenario.prepare(Aws(cloud))
    lossy = Lossy(cloud, manner)
    ran = exec_event(event, on=lossy)
    lossy.stop()
    ran.report.assert_all_processed()
    assert scenario.changes <= set(lossy.lost)
    check()
