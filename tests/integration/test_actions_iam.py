"""The actions on IAM at moto."""

import json

import pytest

from harness.events import ACCOUNT, entity, event

DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]})


def user(name, path="/"):
    """As Hyperglance knows a user: `id` is IAM's unique id, and there is no region."""
    return entity("IAM User", "AIDAQWERTYUIOPASDFGHJ", name=name, region="", arn=f"arn:aws:iam::{ACCOUNT}:user{path}{name}")


def make_user(moto, name="alice", keys=0, **more):
    iam = moto.client("iam")
    iam.create_user(UserName=name, **more)
    return [iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"] for _ in range(keys)]


def keys_of(moto, name="alice"):
    found = moto.client("iam").list_access_keys(UserName=name)["AccessKeyMetadata"]
    return {k["AccessKeyId"]: k["Status"] for k in found}


# --- access keys -----------------------------------------------------------------------------------------------------


def test_revokes_all_keys(moto, exec_event):
    make_user(moto, keys=2)
    rule = event("iam_revoke_access_key", [user("alice")])
    exec_event(rule).report.assert_all_processed()
    assert list(keys_of(moto).values()) == ["Inactive", "Inactive"]
    ran = exec_event(rule)
    ran.report.assert_all_processed()
    assert "no active access key" in ran.stderr


def test_revokes_the_keys_of_a_user_with_a_path(moto, exec_event):
    make_user(moto, "carol", keys=1, Path="/staff/")
    exec_event(event("iam_revoke_access_key", [user("carol", "/staff/")])).report.assert_all_processed()
    assert list(keys_of(moto, "carol").values()) == ["Inactive"]


def test_the_plan_of_a_revocation(moto, exec_event):
    ids = make_user(moto, keys=2)
    report = exec_event(event("iam_revoke_access_key", [user("alice")]), plan=True).report
    assert sorted(c["params"]["AccessKeyId"] for c in report["planned"]) == sorted(ids)
    assert list(keys_of(moto).values()) == ["Active", "Active"]


@pytest.mark.parametrize("action", ["iam_revoke_access_key", "iam_delete_access_key", "iam_deactivate_unused_access_keys"])
def test_a_user_that_is_not_there_is_errored(moto, exec_event, action):
    exec_event(event(action, [user("nobody")])).report.assert_error(
        "AIDAQWERTYUIOPASDFGHJ", r"^NoSuchEntity: .*\(ListAccessKeys")


def test_deletes_all_keys(moto, exec_event):
    make_user(moto, keys=2)
    rule = event("iam_delete_access_key", [user("alice")])
    exec_event(rule).report.assert_all_processed()
    assert keys_of(moto) == {}
    exec_event(rule).report.assert_all_processed()


@pytest.mark.parametrize("days,status", [("90", "Active"), (None, "Active"), (0, "Inactive"), ("0", "Inactive")])
def test_deactivates_what_is_unused_for_too_long(moto, exec_event, days, status):
    make_user(moto, keys=1)  # just created, never used: 0 days are too long
    params = None if days is None else {"MaxDaysUsed": days}
    exec_event(event("iam_deactivate_unused_access_keys", [user("alice")], params)).report.assert_all_processed()
    assert list(keys_of(moto).values()) == [status]


def test_a_number_that_is_none_changes_nothing(moto, exec_event):
    make_user(moto, keys=1)
    report = exec_event(event("iam_deactivate_unused_access_keys", [user("alice")], {"MaxDaysUsed": "ninety"})).report
    report.assert_error("AIDAQWERTYUIOPASDFGHJ", 'parameter "MaxDaysUsed" is not a whole number')


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_name_that_the_arn_contradicts_is_errored(moto, exec_event):
    make_user(moto, "alice", keys=1)
    make_user(moto, "bob", keys=1)
    resource = {**user("alice"), "name": "bob"}
    report = exec_event(event("iam_revoke_access_key", [resource])).report
    report.assert_error(resource["id"], 'but its "arn" contains "alice"')
    assert list(keys_of(moto, "alice").values()) + list(keys_of(moto, "bob").values()) == ["Active", "Active"]


def test_a_user_of_another_account_is_errored(moto, exec_event):
    resource = {**user("alice"), "arn": "arn:aws:iam::222222222222:user/alice"}
    exec_event(event("iam_revoke_access_key", [resource])).report.assert_error(resource["id"], '"account" is 123456789012, but its "arn" contains 222222222222')


# --- passwords, groups ---------------------------------------------------------------------------------------------------


def test_disables_the_console_password(moto, exec_event):
    iam = moto.client("iam")
    make_user(moto)
    iam.create_login_profile(UserName="alice", Password="correct horse 1A!")
    rule = event("iam_disable_user_console_password", [user("alice")])
    exec_event(rule).report.assert_all_processed()
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_login_profile(UserName="alice")
    exec_event(rule).report.assert_all_processed()


def test_forces_a_password_change(moto, exec_event):
    iam = moto.client("iam")
    make_user(moto)
    iam.create_login_profile(UserName="alice", Password="correct horse 1A!")
    rule = event("iam_force_user_password_change", [user("alice")])
    # moto takes a password that is not given for none, and keeps no flag: what is sent is seen in the plan.
    planned = exec_event(rule, plan=True).report["planned"]
    assert [c["params"] for c in planned] == [{"UserName": "alice", "PasswordResetRequired": True}]
    exec_event(rule).report.assert_all_processed()


def test_a_password_that_is_not_there_cannot_be_changed(moto, exec_event):
    make_user(moto)
    report = exec_event(event("iam_force_user_password_change", [user("alice")])).report
    report.assert_error("AIDAQWERTYUIOPASDFGHJ", r"^NoSuchEntity: .*\(UpdateLoginProfile")


def test_takes_a_user_out_of_a_group(moto, exec_event):
    iam = moto.client("iam")
    make_user(moto)
    for group in ("admins", "staff"):
        iam.create_group(GroupName=group)
        iam.add_user_to_group(GroupName=group, UserName="alice")
    rule = event("iam_user_detach_group", [user("alice")], {"Group": "admins"})
    exec_event(rule).report.assert_all_processed()
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="alice")["Groups"]] == ["staff"]
    exec_event(rule).report.assert_all_processed()


def test_a_group_that_does_not_exist_is_errored(moto, exec_event):
    make_user(moto)
    report = exec_event(event("iam_user_detach_group", [user("alice")], {"Group": "nobodies"})).report
    report.assert_error("AIDAQWERTYUIOPASDFGHJ", "^NoSuchEntity: ")


# --- policies ---------------------------------------------------------------------------------------------------------


def attached(moto, name="alice"):
    found = moto.client("iam").list_attached_user_policies(UserName=name)["AttachedPolicies"]
    return [p["PolicyName"] for p in found]


def test_quarantines_users(moto, exec_event):
    iam = moto.client("iam")
    for name in ("alice", "bob", "carol"):
        make_user(moto, name)
    rule = event("iam_quarantine_user", [user(name) for name in ("alice", "bob", "carol")])
    for _ in range(2):
        exec_event(rule).report.assert_all_processed()
        for name in ("alice", "bob", "carol"):
            assert attached(moto, name) == ["hyperglance_quarantine_users"]
    arn = f"arn:aws:iam::{ACCOUNT}:policy/hyperglance_quarantine_users"
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert document["Statement"] == [{"Effect": "Deny", "Action": "*", "Resource": "*"}]


def test_the_quarantine_of_a_user_that_is_not_there_is_errored(moto, exec_event):
    report = exec_event(event("iam_quarantine_user", [user("nobody")])).report
    report.assert_error("AIDAQWERTYUIOPASDFGHJ", r"^NoSuchEntity: .*\(AttachUserPolicy")


def test_no_quarantine_by_a_policy_that_allows(moto, exec_event):
    make_user(moto)
    moto.client("iam").create_policy(PolicyName="hyperglance_quarantine_users", PolicyDocument=DOCUMENT)
    report = exec_event(event("iam_quarantine_user", [user("alice")])).report
    report.assert_error("AIDAQWERTYUIOPASDFGHJ", "policy/hyperglance_quarantine_users exists with different content and was not attached")
    assert attached(moto) == []


def test_the_password_of_a_user_that_is_not_there_is_errored(moto, exec_event):
    report = exec_event(event("iam_disable_user_console_password", [user("nobody")])).report
    report.assert_error("AIDAQWERTYUIOPASDFGHJ", r"^NoSuchEntity: .*\(DeleteLoginProfile")


def test_attaches_a_policy_found_by_name(moto, exec_event):
    iam = moto.client("iam")
    make_user(moto)
    iam.create_policy(PolicyName="zz-readers", PolicyDocument=DOCUMENT)
    rule = event("iam_user_attach_policy", [user("alice")], {"Policy": "zz-readers"})
    for _ in range(2):
        exec_event(rule).report.assert_all_processed()
        assert attached(moto) == ["zz-readers"]


def test_attaches_a_policy_by_its_arn(moto, exec_event):
    make_user(moto)
    arn = moto.client("iam").create_policy(PolicyName="readers", Path="/staff/", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    exec_event(event("iam_user_attach_policy", [user("alice")], {"Policy": arn})).report.assert_all_processed()
    assert attached(moto) == ["readers"]


def test_a_policy_of_aws_is_asked_for_by_its_arn(moto, exec_event):
    make_user(moto)
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"  # moto does not have it
    report = exec_event(event("iam_user_attach_policy", [user("alice")], {"Policy": arn})).report
    report.assert_error("AIDAQWERTYUIOPASDFGHJ", rf"^NoSuchEntity: .*{arn}.*\(AttachUserPolicy")


@pytest.mark.parametrize("policy,error", [
    ("no-such-policy", "there is no policy named no-such-policy"),
    ("arn:aws:iam::222222222222:policy/x", "neither a policy's name nor the ARN"),
    ("arn:aws:s3:::policy/x", "neither a policy's name nor the ARN"),
    ("", 'parameter "Policy" is empty'),
])
def test_a_policy_that_cannot_be_attached_is_errored(moto, exec_event, policy, error):
    make_user(moto)
    report = exec_event(event("iam_user_attach_policy", [user("alice")], {"Policy": policy})).report
    report.assert_error("AIDAQWERTYUIOPASDFGHJ", error)
    assert attached(moto) == []


def policy(arn):
    return entity("IAM Policy", "ANPAQWERTYUIOPASDFGHJ", name=arn.rsplit("/", 1)[1], region="", arn=arn)


def versions(moto, arn):
    found = moto.client("iam").list_policy_versions(PolicyArn=arn)["Versions"]
    return {v["VersionId"]: v["IsDefaultVersion"] for v in found}


def test_deletes_the_default_version(moto, exec_event):
    iam = moto.client("iam")
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT, SetAsDefault=True)
    exec_event(event("iam_delete_default_policy_version", [policy(arn)])).report.assert_all_processed()
    assert versions(moto, arn) == {"v1": False, "v2": True}


def test_the_only_version_is_not_deleted(moto, exec_event):
    arn = moto.client("iam").create_policy(PolicyName="mine", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    report = exec_event(event("iam_delete_default_policy_version", [policy(arn)])).report
    report.assert_error("ANPAQWERTYUIOPASDFGHJ", "only one version")
    assert versions(moto, arn) == {"v1": True}
