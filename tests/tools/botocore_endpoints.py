#!/usr/bin/env python3
"""Write tests/unit/data/endpoint/botocore.tsv: the endpoints that botocore's rules give for our services.

A line is: service id, region, fips, dualstack, URL, signing region; "-" for the URL where there is no such endpoint.
Run it anew when a service is added to lib/aws/wire/services.c or botocore's rules have changed:

    tests/tools/botocore_endpoints.py > tests/unit/data/endpoint/botocore.tsv
"""

import sys

import botocore.loaders
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError

SERVICES = [
    "ec2", "sts", "sqs", "sns", "s3", "iam", "lambda", "dynamodb", "ecs", "elbv2", "kms", "rds", "redshift",
    "workspaces",
]  # fmt: skip
REGIONS = [
    "us-east-1", "us-west-2", "eu-central-1", "eu-south-2", "ap-southeast-4", "ca-west-1", "il-central-1",
    "cn-north-1", "cn-northwest-1", "us-gov-west-1", "us-gov-east-1", "us-iso-east-1", "us-iso-west-1",
    "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1",
]  # fmt: skip


def endpoint(provider, parameters, region, fips, dualstack):
    wanted = {"Region": region, "UseFIPS": fips, "UseDualStack": dualstack, "UseGlobalEndpoint": False}
    try:
        found = provider.resolve_endpoint(**{k: v for k, v in wanted.items() if k in parameters})
    except EndpointProviderError:
        return "-", "-"
    schemes = found.properties.get("authSchemes", [])
    return found.url, schemes[0].get("signingRegion", region) if schemes else region


def main():
    loader = botocore.loaders.create_loader()
    partitions = loader.load_data("partitions")
    for service in SERVICES:
        rules = loader.load_service_model(service, "endpoint-rule-set-1")
        metadata = loader.load_service_model(service, "service-2")["metadata"]
        name = metadata["serviceId"].lower().replace(" ", "_")
        provider = EndpointProvider(rules, partitions)
        for region in REGIONS:
            for fips in (False, True):
                for dualstack in (False, True):
                    url, signing = endpoint(provider, rules["parameters"], region, fips, dualstack)
                    row = (name, region, int(fips), int(dualstack), url, signing)
                    print(*row, sep="\t")


if __name__ == "__main__":
    sys.exit(main())
