"""The clouds that the tests run against: moto, and our own cloudserver."""

import json
import os
import re
import subprocess
import sys
import urllib.request

from .events import ACCOUNT, REGION, Report, is_report
from .process import Process, binary, clean_environment
from .wait import wait_until

EVENT_KEY = "automations/events/2024-01-01/run-1/event.json"


def call(url, method="GET", body=None):
    """One plain HTTP request to a server of ours; answers the body as text."""
    data = body.encode() if isinstance(body, str) else body
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method), timeout=30) as answer:
        return answer.read().decode()


class Cloud:
    """A server that speaks AWS, at self.url."""

    access_key, secret_key = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

    def __init__(self, url):
        self.url = url

    def env(self, region=REGION):
        """The environment in which hgautod talks to this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": region,
        }

    def client(self, service, region=REGION, account=None):
        """A boto3 client; with `account`, one that acts in another account through AssumeRole."""
        import boto3
        from botocore.config import Config

        keys = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
        if account and account != ACCOUNT:
            answer = self.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/test", RoleSessionName="test")
            made = answer["Credentials"]
            keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"],
                    "aws_session_token": made["SessionToken"]}
        # The path style is what a server on an IP address can be reached by.
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
        return boto3.client(service, region_name=region, endpoint_url=self.url, config=config, **keys)


class Moto(Cloud):
    """moto's server in a process of its own. It writes what hgautod sends into the file `record`."""

    def __init__(self, folder, record):
        env = clean_environment({"PYTHONUNBUFFERED": "1"})
        self.log = open(os.path.join(folder, "moto.log"), "w")
        program = os.path.join(os.path.dirname(__file__), "moto_server.py")
        self.process = subprocess.Popen([sys.executable, program, record, "-H", "127.0.0.1", "-p", "0"], env=env,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        super().__init__(wait_until(self._address, "moto's server to say its address", timeout=60))
        call(self.url + "/moto-api/data.json")

    def _address(self):
        """It listens by the time that it says where."""
        assert self.process.poll() is None, f"moto's server ended; see {self.log.name}"
        with open(self.log.name) as log:
            said = re.search(r"Running on (http://127\.0\.0\.1:\d+)\s", log.read())
        return said and said[1]

    def reset(self):
        call(self.url + "/moto-api/reset", "POST", "")

    def stop(self):
        self.process.kill()  # it waits for its connections to end when asked to go, and has nothing to lose
        self.process.wait()
        self.log.close()


class CloudServer(Cloud):
    """Our own small AWS (tests/cloud), for faults, order of requests and counting."""

    def __init__(self, *options):
        command = [binary("cloudserver", "CLOUDSERVER"), "--port", "0", *options]
        self.process = Process(command, clean_environment({}))
        first = wait_until(lambda: self.process.lines or not self.process.alive, "cloudserver to say its address")
        assert first is not True, f"cloudserver ended at once:\n{self.process.stderr}"
        super().__init__(self.process.lines[0].split()[-1])

    def requests(self, **fields):
        """The AWS requests served so far, in order, as {"n", "service", "operation", "status", "account", "region", ...}; those
        that have all the given fields."""
        served = json.loads(call(self.url + "/_control/requests"))
        return [r for r in served if all(r.get(k) == v for k, v in fields.items())]

    def fault(self, operation, **how):
        """From now on the next `times` (default 1) calls of `operation` ("StopInstances", "*") go wrong: status=503,
        code="Throttling", retry_after="1", html="<p>" (in place of the service's own words), delay_ms=100, drop=True (the connection
        is closed unanswered), raw="HTTP/1.1 200" (and it is closed after these bytes), done=True (the call is carried out all the
        same); after=N lets N calls pass before."""
        call(self.url + "/_control/faults", "POST", json.dumps({"operation": operation, **how}))

    def clock(self, seconds):
        """From now on the server's clock is ahead of the host's by so many seconds."""
        call(self.url + "/_control/clock", "POST", json.dumps({"offset_ms": seconds * 1000}))

    def instance(self, id, state="running", account=ACCOUNT, region=REGION, **more):
        """Makes an EC2 instance."""
        call(self.url + "/_control/instances", "POST",
             json.dumps([{"id": id, "state": state, "account": account, "region": region, **more}]))
        return id

    def instances(self, count, state="running"):
        """Makes many, and answers their ids."""
        ids = [f"i-{n:017x}" for n in range(1, count + 1)]
        call(self.url + "/_control/instances", "POST",
             json.dumps([{"id": i, "state": state, "account": ACCOUNT, "region": REGION} for i in ids]))
        return ids

    def state_of(self, id):
        states = json.loads(call(self.url + "/_control/instances"))
        return states[id]

    def age(self, bucket, key, seconds):
        """Makes an object as old as if it had been written so many seconds ago."""
        call(self.url + "/_control/age", "POST", json.dumps({"bucket": bucket, "key": key, "seconds": seconds}))

    def reset(self):
        call(self.url + "/_control/reset", "POST", "")

    def stop(self):
        self.process.signal(15)
        status = self.process.wait(30)
        assert status == 0, f"cloudserver ended with {status}:\n{self.process.stderr}"


class Site:
    """A bucket whose event.json objects are announced to a queue, as in a real deployment."""

    def __init__(self, cloud, name="events", region=REGION, notify=True, queue=True):
        self.cloud, self.region = cloud, region
        self.bucket, self.name = f"hg-{name}", name
        self.s3 = cloud.client("s3", region)
        self.sqs = cloud.client("sqs", region)
        self.s3.create_bucket(Bucket=self.bucket)
        self.queue_url = None
        if queue:
            self.queue_url = self.sqs.create_queue(QueueName=f"hg-{name}-queue")["QueueUrl"]
            self.queue_arn = f"arn:aws:sqs:{region}:{ACCOUNT}:hg-{name}-queue"
        if queue and notify:
            self.s3.put_bucket_notification_configuration(
                Bucket=self.bucket,
                NotificationConfiguration={"QueueConfigurations": [{
                    "QueueArn": self.queue_arn, "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": "event.json"}]}}}]})
            self.purge()  # the s3:TestEvent

    def purge(self):
        """Takes every message out of the queue."""
        while True:
            got = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
            if not got.get("Messages"):
                return
            for m in got["Messages"]:
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=m["ReceiptHandle"])

    def source(self, **keys):
        """The [source] section that reads this site: {"source NAME": {...}}; keys are laid over the defaults."""
        made = {"type": "sqs", "queue_url": self.queue_url, "bucket": self.bucket, "region": self.region, "wait_time": "1s"}
        if not self.queue_url:
            made = {"type": "s3", "bucket": self.bucket, "region": self.region, "sweep_interval": "1s"}
        return {f"source {self.name}": {**made, **keys}}

    def put_event(self, event, key=EVENT_KEY):
        """Writes an event (a dict, or text or bytes as they are) into the bucket, which announces it."""
        body = json.dumps(event) if isinstance(event, dict) else event
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def send(self, body):
        """Puts a message of our own making into the queue."""
        text = json.dumps(body) if not isinstance(body, str) else body
        return self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=text)["MessageId"]

    def announce(self, key=EVENT_KEY):
        """Announces an event once more."""
        place = {"bucket": {"name": self.bucket}, "object": {"key": key}}
        self.send({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "awsRegion": self.region, "s3": place}]})

    def keys(self, prefix=""):
        found, more = [], {}
        while True:
            page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **more)
            found += [o["Key"] for o in page.get("Contents", [])]
            if not page.get("IsTruncated"):
                return found
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def read(self, key):
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    @staticmethod
    def folder(key=EVENT_KEY):
        """Where the reports of an event belong."""
        return ("/" + key).replace("/events/", "/reports/")[1:].rsplit("/", 1)[0] + "/"

    def reports(self, key=EVENT_KEY):
        """The event's reports that are there, by index."""
        found = [Report(k, self.read(k)) for k in self.keys(self.folder(key)) if is_report(k)]
        return sorted(found, key=lambda r: r.index)

    def pending(self, key=EVENT_KEY):
        return (self.folder(key) + "is_pending") in self.keys(self.folder(key))

    def wait_reports(self, count=1, key=EVENT_KEY, timeout=60):
        """The reports, once `count` are there and is_pending is gone."""
        def there():
            keys = self.keys(self.folder(key))
            return sum(map(is_report, keys)) >= count and not self.pending(key)
        wait_until(there, f"{count} report(s) in {self.folder(key)} and no is_pending", timeout)
        found = self.reports(key)
        assert len(found) == count, f"{len(found)} reports, not {count}: {[r.key for r in found]}"
        return found

    def messages(self):
        """How many messages the queue holds: (waiting, received but not deleted)."""
        a = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])["Attributes"]
        return int(a["ApproximateNumberOfMessages"]), int(a["ApproximateNumberOfMessagesNotVisible"])

    def wait_empty(self, timeout=60):
        """Waits until every message is deleted."""
        wait_until(lambda: self.messages() == (0, 0), "the queue to be empty", timeout)
