"""Azure Resource Manager as cloudserver plays it: resources put there, looked at, and the official SDKs pointed at it."""

import importlib
import json

from .cloud import call
from .events import azure_entity
from .need import without

SUBSCRIPTION = "33333333-3333-4333-8333-333333333333"
GROUP = "rg-Test"
# As in tests/cloud/azure_token.h and arm.h.
TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "22222222-2222-2222-2222-222222222222"
OBJECT = "44444444-4444-4444-4444-444444444444"
SECRET = "cloudserver-client~secret"
BEARER = "cloudserver-bearer"

TYPES = {  # what Hyperglance calls them
    "Microsoft.Compute/virtualMachines": "Virtual Machine",
    "Microsoft.Compute/disks": "Disk",
    "Microsoft.Compute/images": "Image",
    "Microsoft.Compute/sshPublicKeys": "SSH Public Key",
    "Microsoft.Network/networkInterfaces": "Network Interface",
    "Microsoft.Network/publicIPAddresses": "Public IP Address",
}


def resource_id(type, name, group=GROUP, subscription=SUBSCRIPTION):
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{type}/{name}"


def vm_id(name, **where):
    return resource_id("Microsoft.Compute/virtualMachines", name, **where)


def disk_id(name, **where):
    return resource_id("Microsoft.Compute/disks", name, **where)


def nic_id(name, **where):
    return resource_id("Microsoft.Network/networkInterfaces", name, **where)


def ip_id(name, **where):
    return resource_id("Microsoft.Network/publicIPAddresses", name, **where)


def entity_of(id, **more):
    """The resource as an event names it."""
    parts = id.split("/")
    return azure_entity(TYPES[f"{parts[6]}/{parts[7]}"], id, subscription=parts[2], group=parts[4], name=parts[8], **more)


def needs_sdks():
    """At a module's head: its tests are skipped where the official SDKs are missing, except with CI=true."""
    try:
        for name in ("azure.identity", "azure.mgmt.compute", "azure.mgmt.network", "azure.mgmt.resource.resources"):
            importlib.import_module(name)
    except ImportError as error:
        without(f"python3 has no {error.name}: see tests/requirements.txt", module=True)


class Arm:
    """The Azure side of a cloudserver."""

    def __init__(self, cloud):
        self.cloud, self.url = cloud, cloud.url

    def env(self):
        """The environment in which hgautod gets its tokens here."""
        return {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}

    def config(self, more=None):
        """The configuration with which hgautod talks to it."""
        return {"azure": {"arm_endpoint": self.url, "authority": self.url}, **(more or {})}

    def put(self, *resources):
        """Puts resources: dictionaries as a GET is to answer them, or ids."""
        made = [r if isinstance(r, dict) else {"id": r} for r in resources]
        made = [{"location": "westeurope", "name": r["id"].rsplit("/", 1)[-1], **r} for r in made]
        call(self.url + "/_control/azure", "POST", json.dumps(made))
        return made[0]["id"]

    def vm(self, name, disks=(), nics=(), **more):
        """Puts a virtual machine that holds on to the disks (the first is the system's) and interfaces of these ids."""
        managed = [{"name": d.rsplit("/", 1)[-1], "managedDisk": {"id": d}} for d in disks]
        storage = {"osDisk": managed[0], "dataDisks": managed[1:]} if managed else {"dataDisks": []}
        return self.put({"id": vm_id(name), "properties": {
            "provisioningState": "Succeeded", "storageProfile": storage,
            "networkProfile": {"networkInterfaces": [{"id": n} for n in nics]}}, **more})

    def nic(self, name, ips=()):
        """Puts a network interface with one configuration for each public address."""
        return self.put({"id": nic_id(name), "properties": {"ipConfigurations": [
            {"name": f"ip{n}", "properties": {"publicIPAddress": {"id": ip}}} for n, ip in enumerate(ips)]}})

    def machine(self, name):
        """Puts a virtual machine with two disks, two interfaces and a public address; answers all their ids."""
        ip = self.put(ip_id(f"{name}-ip"))
        disks = [self.put(disk_id(f"{name}-{n}")) for n in ("os", "data")]
        nics = [self.nic(f"{name}-nic0", [ip]), self.nic(f"{name}-nic1")]
        return [self.vm(name, disks, nics), *disks, *nics, ip]

    def settings(self, **how):
        """operation_ms=, retry_after="1", url_size=, operations_at=URL, style={"virtualMachines/delete": "location"},
        missing_status=, token_seconds=, revoke=True; see tests/cloud/arm.h."""
        call(self.url + "/_control/azure-settings", "POST", json.dumps(how))

    def resources(self):
        """{id: resource}."""
        return json.loads(call(self.url + "/_control/azure"))

    def ids(self):
        return set(self.resources())

    def tags(self, id):
        return self.resources()[id].get("tags", {})

    def power(self, id):
        """"running", "stopped", "deallocated"; None: nothing has changed it yet."""
        view = self.resources()[id].get("properties", {}).get("instanceView")
        return view["statuses"][0]["code"].split("/")[1] if view else None

    def fault(self, operation, **how):
        self.cloud.fault(operation, **how)

    def requests(self, **fields):
        """The requests to Azure Resource Manager so far; those that have all the given fields."""
        return self.cloud.requests(service="arm", **fields)

    def operations(self):
        """The names of the operations that were asked for, without the polls."""
        return [r["operation"] for r in self.requests() if r["operation"] != "poll"]

    def sdk(self, name, subscription=SUBSCRIPTION, credential=None, **more):
        """A client of the official SDK: "compute", "network" or "resource". Without a credential it sends a bearer that is
        always good."""
        from azure.core.pipeline.policies import SansIOHTTPPolicy
        from azure.mgmt.compute import ComputeManagementClient
        from azure.mgmt.network import NetworkManagementClient
        from azure.mgmt.resource.resources import ResourceManagementClient

        class Bearer(SansIOHTTPPolicy):  # the SDK's own insists on https
            def on_request(self, request):
                token = credential.get_token(self_url + "/.default").token if credential else BEARER
                request.http_request.headers["Authorization"] = "Bearer " + token

        self_url = self.url
        kinds = {"compute": ComputeManagementClient, "network": NetworkManagementClient, "resource": ResourceManagementClient}
        return kinds[name](object(), subscription, base_url=self.url, authentication_policy=Bearer(),
                           retry_total=0, polling_interval=0, **more)
