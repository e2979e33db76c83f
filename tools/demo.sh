#!/bin/sh
# The demo: one event of three resources, carried out by the real program against a small AWS on this machine.
# Exit status 0 only if the outcome was right.
set -eu
cd "$(dirname "$0")/.."
: "${BUILD:=build}"
dir=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
    echo "demo: $1" >&2
    [ ! -s "$dir/log" ] || { echo "--- the program's log:" >&2 && cat "$dir/log" >&2; }
    exit 1
}

title() {
    printf '\n\033[1m%s\033[0m\n' "$1"
}

key=AKIAIOSFODNN7EXAMPLE secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
bucket=hyperglance-events
event=automations/events/2024-01-01/demo/event.json
reports=automations/reports/2024-01-01/demo

"$BUILD/cloudserver" --queue hyperglance-queue --bucket hyperglance-events \
    --instance i-0aaaaaaaaaaaaaaaa --instance i-0bbbbbbbbbbbbbbbb >"$dir/served" 2>"$dir/server.err" &
server=$!
tries=0
until grep -q 'listens on' "$dir/served"; do
    kill -0 "$server" 2>/dev/null || fail "cloudserver did not start: $(cat "$dir/server.err")"
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || fail "cloudserver said no address for 10 seconds"
    sleep 0.05
done
url=$(sed -n 's/^cloudserver listens on //p' "$dir/served")

# One signed request to its S3, by curl: s3 PATH [CURL-OPTION...]
s3() {
    path=$1
    shift
    curl -sS --fail -g --noproxy '*' --aws-sigv4 aws:amz:us-east-1:s3 --user "$key:$secret" "$@" "$url/$bucket/$path"
}

title '1. A rule of Hyperglance has matched: stop three EC2 instances, one of which does not exist.'
jq -n '
    def instance($id; $name): {datasource: "AWS", uid: $id, id: $id, name: $name, account: "123456789012", accountAlias: "demo",
        region: "us-east-1", arn: "arn:aws:ec2:us-east-1:123456789012:instance/\($id)", type: "EC2 Instance",
        tags: {env: "test"}, attributes: {"Instance ID": $id}, matchedAttributes: {}};
    {name: "Stop idle test machines", results: [{entityType: "EC2 Instance",
        automation: {name: "ec2_stop_instance", params: {DryRun: "false"}},
        entities: [instance("i-0aaaaaaaaaaaaaaaa"; "web-1"), instance("i-0bbbbbbbbbbbbbbbb"; "web-2"),
                   instance("i-0cccccccccccccccc"; "long-gone")]}]}' >"$dir/event.json"
jq -c '{name, automation: .results[0].automation, ids: [.results[0].entities[].id]}' "$dir/event.json"
echo "   is written to s3://$bucket/$event"
s3 "$event" -X PUT --data-binary "@$dir/event.json"

title '2. hgautod run --once'
cat >"$dir/hgautod.ini" <<EOF
[log]
level = info
format = text

[source demo]
type = sqs
queue_url = $url/123456789012/hyperglance-queue
bucket = $bucket
region = us-east-1
wait_time = 1s
EOF
status=0
env AWS_ENDPOINT_URL="$url" AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret AWS_REGION=us-east-1 \
    AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/nonexistent AWS_SHARED_CREDENTIALS_FILE=/nonexistent no_proxy=127.0.0.1 \
    timeout 60 "$BUILD/hgautod" run --once -c "$dir/hgautod.ini" 2>"$dir/log" || status=$?
sed 's/^/   /' "$dir/log"
[ "$status" -eq 0 ] || fail "hgautod ended with $status"

title '3. What the small AWS was asked, each request signed (the first one by the demo itself):'
sed -n '2,$p' "$dir/served"

title '4. The reports'
s3 "?list-type=2&prefix=$(printf %s "$reports/" | jq -sRr @uri)" | grep -o '<Key>[^<]*' | sed 's/^<Key>//' >"$dir/keys"
[ "$(wc -l <"$dir/keys")" -eq 1 ] || fail "there should be one report and nothing else: $(cat "$dir/keys")"
sed "s|^|   s3://$bucket/|" "$dir/keys"
# jq leaves parentheses as they are; in a signed path they are escaped.
report=$(jq -rR 'split("/") | map(@uri) | join("/")' <"$dir/keys" | sed 's/(/%28/g; s/)/%29/g')
s3 "$report" >"$dir/report.json"
jq '{name, critical_error, processed: [.processed[] | {id, name}], errored: [.errored[] | {id, name, error}]}' "$dir/report.json"

title '5. Was that right?'
jq -e '.critical_error == null and ([.processed[].id] == ["i-0aaaaaaaaaaaaaaaa", "i-0bbbbbbbbbbbbbbbb"])
    and ([.errored[].id] == ["i-0cccccccccccccccc"]) and (.errored[0].error | startswith("InvalidInstanceID.NotFound"))' \
    "$dir/report.json" >/dev/null || fail 'the report is not what it should be'
curl -sS --fail --noproxy '*' "$url/_control/instances" |
    jq -e '. == {"i-0aaaaaaaaaaaaaaaa": "stopped", "i-0bbbbbbbbbbbbbbbb": "stopped"}' >/dev/null ||
    fail 'the two instances are not stopped'
grep -q ' DeleteMessage  *200 ' "$dir/served" || fail 'the message was not deleted'
echo 'Yes: two instances are stopped, the third is reported with its reason, the message is deleted.'
