"""Azure storage over https, on Azurite with a certificate of an authority of the tests' own: by account key, and by the tokens of
identities, from the message to the report."""

import urllib.error
import urllib.request

import pytest

from harness.azure import CLIENT, TENANT, Arm, entity_of
from harness.azurite import VERSION, AzureSite, Azurite, needs_azurite
from harness.events import event
from harness.tls import Certificate
from harness.wait import wait_until


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def azurite(tmp_path_factory, certificate):
    needs_azurite()
    server = Azurite(tmp_path_factory.mktemp("azurite"), certificate)
    yield server
    server.stop()


@pytest.fixture
def site(azurite, request):
    return AzureSite(azurite, name=f"{abs(hash(request.node.nodeid)) % 10**9:x}")


@pytest.fixture
def arm(cloud):
    return Arm(cloud)


def managed_identity(arm):
    return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": arm.url}


def client_secret(arm):
    return arm.env()


def workload_identity(arm, folder):
    token = folder / "federated-token"
    token.write_text("a-federated-token")
    return {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_FEDERATED_TOKEN_FILE": str(token)}


IDENTITIES = {"managed identity": (managed_identity, "imds"), "client secret": (client_secret, "entra"),
              "workload identity": (workload_identity, "entra")}


@pytest.fixture
def config(site, arm, certificate):
    """The configuration for the site: `right` is what the connection string says besides the endpoints."""

    def make(right="", ca=certificate.ca, **keys):
        source = site.source(connection_string=right + site.cloud.endpoints, **keys)
        return {**arm.config(), **source, "http": {"ca_bundle": ca}}

    return make


@pytest.fixture
def put_machines(site, arm):
    def put(*names):
        vms = [arm.vm(name) for name in names]
        site.put_event(event("vm_deallocate", [entity_of(vm) for vm in vms], {"DryRun": "false"}))
        return vms

    return put


def assert_carried_out(site, arm, vms):
    [report] = site.reports()
    report.assert_all_processed()
    assert {arm.power(vm) for vm in vms} == {"deallocated"}
    assert not site.pending()
    assert site.messages() == 0


def test_by_account_key(site, arm, config, put_machines, daemon):
    assert site.cloud.blob.startswith("https://") and site.cloud.queue.startswith("https://")
    vms = put_machines("web-1", "web-2")
    daemon(config=config(site.cloud.connection_string.removesuffix(site.cloud.endpoints)), env=arm.env(), once=True).ended(0)
    assert_carried_out(site, arm, vms)


@pytest.mark.parametrize("kind", IDENTITIES)
def test_by_the_token_of_an_identity(site, arm, config, put_machines, daemon, tmp_path, kind):
    identity, service = IDENTITIES[kind]
    vms = put_machines("web-1", "web-2")
    env = identity(arm, tmp_path) if identity is workload_identity else identity(arm)
    running = daemon(config=config(), env=env, once=True).ended(0)
    assert_carried_out(site, arm, vms)
    assert {r["service"] for r in arm.cloud.requests(operation="token")} == {service}
    assert "eyJ" not in running.stderr


def test_tokens_are_fetched_anew_while_it_runs(site, arm, config, put_machines, daemon):
    arm.settings(token_seconds=2)
    running = daemon(config=config(poll_interval="100ms"), env=managed_identity(arm))
    wait_until(lambda: len(arm.cloud.requests(operation="token")) >= 3, "tokens to be fetched anew")
    vms = put_machines("web-1")
    site.wait_reports()
    site.wait_empty()
    running.stop()
    assert_carried_out(site, arm, vms)


def test_the_emulator_looks_at_tokens(azurite):
    """Else the tests above would show nothing."""
    for service in (azurite.blob, azurite.queue):
        request = urllib.request.Request(service + "?comp=list", headers={"Authorization": "Bearer x.y.z", "x-ms-version": VERSION})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30, context=azurite.context)
        assert refused.value.code in (401, 403)


@pytest.mark.parametrize("trusted", [None, "another"])
def test_an_authority_that_is_not_trusted(site, arm, config, put_machines, hgautod, write_config, daemon, tmp_path, trusted):
    ca = trusted and Certificate(tmp_path, "another authority").ca
    vms = put_machines("web-1")
    laid = config(ca=ca)
    found = hgautod("check", "-c", write_config(laid), "--online", env=arm.env()).assert_status(1)
    assert "ca_bundle" in found.stdout and "conditional writes" not in found.stdout
    running = daemon(config=laid, env=arm.env())
    running.wait_logged("ca_bundle")
    running.stop()
    assert site.reports() == [] and site.messages() == 1
    assert arm.power(vms[0]) is None


def test_check_online(site, arm, config, hgautod, write_config):
    found = hgautod("check", "-c", write_config(config()), "--online", env=managed_identity(arm)).assert_status(0)
    assert "conditional writes work" in found.stdout
    assert "eyJ" not in found.stdout + found.stderr
