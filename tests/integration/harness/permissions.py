"""Which permissions a call needs: IAM actions, and the operations of Azure's roles.

Sources: AWS, "Service Authorization Reference" (https://docs.aws.amazon.com/service-authorization/latest/reference/), each service's table of
actions with its dependent actions; for S3, whose actions are often not named as its operations, "Required permissions for Amazon S3 API
operations" (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html)."""

import urllib.parse

# The models' names that are not the prefixes of IAM's actions.
PREFIXES = {"elbv2": "elasticloadbalancing"}

# Operations that another action, or none, permits.
NAMED_OTHERWISE = {
    "s3:HeadBucket": {"s3:ListBucket"},
    "s3:ListObjectsV2": {"s3:ListBucket"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    "s3:HeadObject": {"s3:GetObject"},
    "s3:PutPublicAccessBlock": {"s3:PutBucketPublicAccessBlock"},
    "s3:PutBucketEncryption": {"s3:PutEncryptionConfiguration"},
    "sts:GetCallerIdentity": set(),  # "No permissions are required to perform this operation."
}


def deletes_objects(objects):
    """API reference of DeleteObject and DeleteObjects, "Permissions": s3:DeleteObject always, for a version s3:DeleteObjectVersion too."""
    return {"s3:DeleteObject"} | {"s3:DeleteObjectVersion" for o in objects if o.get("VersionId")}


# Actions that a call needs because of its parameters: (operations, from the parameters the actions).
DEPENDENT = [
    # Resources that are made with tags; a snapshot takes over its volume's.
    ({"ec2:CreateNetworkAcl", "ec2:CreateSecurityGroup", "ec2:CreateSnapshots"},
     lambda p: {"ec2:CreateTags"} if p.get("TagSpecifications") or p.get("CopyTagsFromSource") else set()),
    ({"ec2:AssociateIamInstanceProfile", "ec2:ReplaceIamInstanceProfileAssociation", "iam:AddRoleToInstanceProfile"},
     lambda p: {"iam:PassRole"}),
    ({"rds:DeleteDBInstance"}, lambda p: {"rds:CreateDBSnapshot"} if p.get("FinalDBSnapshotIdentifier") else set()),
    ({"rds:DeleteDBCluster"}, lambda p: {"rds:CreateDBClusterSnapshot"} if p.get("FinalDBSnapshotIdentifier") else set()),
]


def needed(call):
    """The IAM actions that a call (wire.Call) needs."""
    name = f"{PREFIXES.get(call.service, call.service)}:{call.operation}"
    if name == "s3:DeleteObjects":
        return deletes_objects(call.params["Delete"]["Objects"])
    if name == "s3:DeleteObject":
        return deletes_objects([call.params])
    actions = set(NAMED_OTHERWISE.get(name, {name}))
    for operations, more in DEPENDENT:
        if name in operations:
            actions |= more(call.params)
    return actions


# --- Azure

AZURE_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}

# How a Network operation is followed is the service's choice, from request to request: whoever begins one needs both.
NETWORK_OPERATIONS = {"microsoft.network/locations/operations/read", "microsoft.network/locations/operationresults/read"}


def azure_needed(request):
    """The Azure operations, in small letters, that a request (record.Request) to Resource Manager needs.

    Sources: Microsoft, "Azure permissions for Compute", "... for Networking", "... for Management and governance"
    (https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations); for the status of operations "Track asynchronous
    Azure operations", "Permission for tracking async status"."""
    path = urllib.parse.unquote(request.path).lower().strip("/")
    verb = AZURE_VERBS.get(request.method)
    scope, provider, rest = ("/" + path).rpartition("/providers/")
    if not provider:  # subscriptions/{id}/resourcegroups/{name}
        return {"/".join(["microsoft.resources", *path.split("/")[::2], verb])}
    namespace, *parts = rest.split("/")
    if namespace == "test.only":  # the test server's: Azure has no such operations
        return set()
    if namespace == "microsoft.resources" and parts == ["tags", "default"]:
        return {f"microsoft.resources/tags/{verb}"}
    types, names = parts[::2], parts[1::2]
    if request.method == "POST":
        return {"/".join([namespace, *types, "action"])}  # .../{type}/{name}/start
    assert len(types) == len(names), f"{request.path}: not a type and a name in turn"
    operation = "/".join([namespace, *types, verb])
    return NETWORK_OPERATIONS if operation in NETWORK_OPERATIONS else {operation}
