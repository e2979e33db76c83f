"""Settings of [azure]: the versions that Resource Manager is asked for, and what `check --online` says of the identity."""

import pytest

from harness.azure import CLIENT, OBJECT, TENANT, Arm, entity_of
from harness.events import event


@pytest.fixture
def arm(cloud):
    return Arm(cloud)


def test_requests_bear_the_versions_of_the_configuration(arm, exec_event):
    [vm, *_] = arm.machine("web-1")
    versions = ["Microsoft.Compute/virtualMachines=2021-03-01", "microsoft.network/NETWORKINTERFACES=2021-05-01-preview"]
    config = {"azure": {**arm.config()["azure"], "arm_versions": versions}}
    delete = event("vm_delete", [entity_of(vm)], {"Delete Associated Resources": "true"})
    exec_event(delete, config=config, on=arm).report.assert_all_processed()
    sent = {}
    for r in arm.requests():
        if r["operation"] != "poll":
            sent.setdefault(r["operation"].split("/")[0], set()).add(r["query"])
    assert sent == {"virtualMachines": {"api-version=2021-03-01"}, "networkInterfaces": {"api-version=2021-05-01-preview"},
                    "disks": {"api-version=2022-07-02"}, "publicIPAddresses": {"api-version=2022-07-01"}}


def test_a_type_that_is_not_called(hgautod, write_config, tmp_path):
    config = {"azure": {"arm_versions": "Microsoft.Compute/disk=2022-01-01"}, "source a": {"type": "directory", "path": tmp_path}}
    refused = hgautod("check", "-c", write_config(config)).assert_status(2)
    assert "arm_versions: 'Microsoft.Compute/disk=2022-01-01' is not one of Microsoft.Compute/virtualMachines, " in refused.stderr
    assert "Microsoft.Compute/disks" in refused.stderr


# --- check --online


@pytest.fixture
def look(arm, hgautod, write_config, tmp_path):
    """What check --online says of the identities, as {"aws": {...}, "azure": {...}}."""

    def look(env, status=0, **azure):
        config = {"azure": {**arm.config()["azure"], **azure}, "source a": {"type": "directory", "path": tmp_path}}
        found = hgautod("check", "-c", write_config(config), "--online", "--json", env=env).assert_status(status)
        assert "eyJ" not in found.stdout + found.stderr
        return {f["name"]: f for f in found.json()["online"] if f["kind"] == "identity"}

    return look


@pytest.mark.parametrize("kind", ["client secret", "instance metadata (IMDS)"])
def test_who_we_are(arm, look, kind):
    imds = kind != "client secret"
    found = look({"AZURE_POD_IDENTITY_AUTHORITY_HOST": arm.url} if imds else arm.env(), **({"client_id": CLIENT} if imds else {}))
    assert found["azure"]["ok"]
    first, *notes = found["azure"]["found"]
    assert first == f"ok    a token for {arm.url}, tenant {TENANT}, client ID {CLIENT}, object ID {OBJECT}"
    assert f"note  {kind}: used, client ID {CLIENT}" in notes
    assert ("note  client secret: AZURE_CLIENT_SECRET is not set" in notes) == imds


def test_a_wrong_secret(arm, look):
    found = look({**arm.env(), "AZURE_CLIENT_SECRET": "a-wrong~one"}, status=1)
    assert not found["azure"]["ok"]
    [line] = found["azure"]["found"]
    assert line.startswith(f"FAIL  no token for {arm.url}: ") and "AADSTS7000215" in line
    assert "check tenant_id, client_id and authority" in line and "a-wrong~one" not in line


def test_no_identity(arm, look):
    arm.fault("token", status=400, times=-1)  # there is a metadata service, but nothing is assigned to this machine
    found = look({"AZURE_POD_IDENTITY_AUTHORITY_HOST": arm.url}, status=1, tenant_id=TENANT)
    [line] = found["azure"]["found"]
    assert line.startswith("FAIL  no token for ")
    assert "assign a managed identity to the host, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET" in line


def test_a_metadata_service_that_does_not_answer(look):
    found = look({"AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"}, status=1, tenant_id=TENANT)
    [line] = found["azure"]["found"]
    assert "does not respond at the address in AZURE_POD_IDENTITY_AUTHORITY_HOST: cannot connect to 127.0.0.1:1" in line


def test_a_token_service_that_cannot_be_reached(arm, look):
    [line] = look(arm.env(), status=1, authority="http://127.0.0.1:1")["azure"]["found"]
    assert line.startswith("FAIL  no token for ") and "127.0.0.1:1" in line


def test_without_azure_nothing_is_said_of_it(look):
    assert "azure" not in look({})


def test_a_source_in_azure_needs_an_identity(arm, hgautod, write_config):
    """Its key is good for the storage, but not for what its events ask for."""
    string = "AccountName=account;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:1/account"
    config = write_config({**arm.config(), "source a": {"type": "azure_blob", "container": "events", "connection_string": string}})
    for env, said in ((arm.env(), "ok    a token"), ({"AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"}, "FAIL  no token")):
        found = hgautod("check", "-c", config, "--online", env=env).assert_status(1)
        assert f"; identity azure\n{said} for {arm.url}" in found.stdout
        assert "Connection refused" in found.stdout.split("; source a\n")[1]
