"""The permissions that each action declares are those of the calls that it makes, as recorded in all other tests: no fewer, no more. And the
policy that `hgautod actions --iam-policy` prints allows everything that hgautod has ever sent to AWS, the role of `--azure-role` everything that it
has ever sent to Azure Resource Manager."""

import functools
import json

import pytest

from harness import permissions, wire

# What the daemon calls to know itself and to get into another account, whatever the action.
OWN = {"sts:AssumeRole"}


@pytest.fixture
def declared(hgautod, write_config):
    """{action: its permissions}"""
    told = hgautod("actions", "--json", "--cloud", "aws", "-c", write_config({"daemon": {"name": "hg"}})).assert_status(0).json()
    return {a["name"]: set(a["permissions"]) for a in told["automations"]}


@functools.cache
def needed(request):
    try:
        return frozenset(permissions.needed(wire.read(request)))
    except wire.Mismatch:
        return frozenset()  # test_botocore_models.py tells


@pytest.fixture
def called(recorder):
    """{action: the permissions that its calls needed}, of the runs that had this action alone"""
    found = {}
    for run in recorder.runs:
        if len(run.actions) == 1:
            found.setdefault(*run.actions, set()).update(*map(needed, run.requests))
    return {action: calls - OWN for action, calls in found.items()}


def test_no_action_calls_what_it_has_not_declared(called, declared):
    missing = {a: sorted(calls - declared[a]) for a, calls in called.items() if a in declared and calls - declared[a]}
    assert not missing, f"calls that the actions' .permissions lack: {missing}"


def test_no_action_declares_what_it_never_calls(called, declared, whole_suite):
    surplus = {a: sorted(permissions - called.get(a, set())) for a, permissions in declared.items() if permissions - called.get(a, set())}
    assert not surplus, f"in .permissions, but called in no test: {surplus}"


def test_an_unknown_action_calls_nothing(called, declared):
    assert {a: calls for a, calls in called.items() if a not in declared and calls} == {}


def test_the_policy_allows_all_that_was_ever_sent(recorder, hgautod, write_config):
    printed = hgautod("actions", "--iam-policy", "-c", write_config({"daemon": {"name": "hg"}})).assert_status(0).stdout
    decoder, at, allowed = json.JSONDecoder(), 0, set()
    while printed[at:].strip():
        document, at = decoder.raw_decode(printed, at)
        at += len(printed[at:]) - len(printed[at:].lstrip())
        for statement in document["Statement"]:
            actions = statement["Action"]
            allowed.update([actions] if isinstance(actions, str) else actions)
    sent = set().union(*map(needed, recorder.all()))
    assert sent <= allowed, f"sent, but not allowed: {sorted(sent - allowed)}"


# --- Azure. Operations are compared in small letters: to Azure their case means nothing.

# What looking subscriptions up by name needs, whatever the action. test_azure_subscriptions.py has a server of its own, which records nothing.
AZURE_OWN = {"microsoft.resources/subscriptions/read"}


@pytest.fixture
def azure_config(hgautod, write_config, tmp_path):
    """All actions are offered, those too that must be enabled by name."""
    actions = hgautod("actions", "--json", "--cloud", "azure", "-c", write_config({"daemon": {"name": "hg"}})).assert_status(0).json()
    names = [a["name"] for a in actions["automations"]] + ["generic_rg_delete"]
    subscriptions = tmp_path / "subscriptions.csv"
    subscriptions.write_text("Production")
    return write_config({"daemon": {"name": "hg"}, "guard": {"enable_actions": names}, "azure": {"subscriptions_file": subscriptions}})


@pytest.fixture
def azure_declared(hgautod, azure_config):
    told = hgautod("actions", "--json", "--cloud", "azure", "-c", azure_config).assert_status(0).json()
    return {a["name"]: {p.lower() for p in a["permissions"]} for a in told["automations"]}


@pytest.fixture
def azure_called(recorder):
    found = {}
    for run in recorder.runs:
        if len(run.actions) == 1:
            found.setdefault(*run.actions, set()).update(*map(permissions.azure_needed, run.managed))
    return {action: calls - AZURE_OWN for action, calls in found.items()}


def test_no_azure_action_calls_what_it_has_not_declared(azure_called, azure_declared):
    missing = {a: sorted(calls - azure_declared.get(a, set())) for a, calls in azure_called.items() if calls - azure_declared.get(a, set())}
    assert not missing, f"calls that the actions' .permissions lack: {missing}"


def test_no_azure_action_declares_what_it_never_calls(azure_called, azure_declared, whole_suite):
    surplus = {a: sorted(p - azure_called.get(a, set())) for a, p in azure_declared.items() if p - azure_called.get(a, set())}
    assert not surplus, f"in .permissions, but called in no test: {surplus}"


def test_the_role_allows_all_that_was_ever_sent(recorder, hgautod, azure_config, whole_suite):
    role = hgautod("actions", "--azure-role", "-c", azure_config).assert_status(0).json()
    sent = set().union(*map(permissions.azure_needed, recorder.managed()))
    assert sent - AZURE_OWN == {a.lower() for a in role["Actions"]} - AZURE_OWN
