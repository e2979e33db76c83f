"""The permissions that each action declares are those of the calls that it makes, as recorded in all other tests: no fewer, no more. And the
policy that `hgautod actions --iam-policy` prints allows everything that hgautod has ever sent."""

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
