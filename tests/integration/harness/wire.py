"""Requests read by botocore's service models: which operation, with which parameters, and what a model has against them.

A request is read by the rules of the service's protocol, its parameters are validated (required members, types, enumerations,
lengths, patterns), and botocore is asked to write the same request: what it writes must be what was sent."""

import functools
import json
import re
import urllib.parse
import xml.etree.ElementTree as ET

import botocore.serialize
import botocore.session
from botocore.validate import ParamValidator

# The signing names that are not the models' names.
MODELS = {"elasticloadbalancing": "elbv2"}
SESSION = botocore.session.get_session()


@functools.cache
def model_of(service):
    return SESSION.get_service_model(MODELS.get(service, service))


class Mismatch(AssertionError):
    pass


def check(condition, message):
    if not condition:
        raise Mismatch(message)


class Call:
    """An operation with its parameters, as botocore's client would be given them."""

    def __init__(self, service, operation, params):
        self.service, self.operation, self.params = service, operation, params


# --- values ---------------------------------------------------------------------------------------------------------


def scalar(shape, text, where):
    kind = shape.type_name
    if kind == "boolean":
        check(text in ("true", "false"), f"{where} is no boolean: {text!r}")
        return text == "true"
    if kind in ("integer", "long"):
        check(re.fullmatch(r"-?\d+", text), f"{where} is no integer: {text!r}")
        return int(text)
    if kind in ("float", "double"):
        return float(text)
    check(kind in ("string", "timestamp", "blob"), f"{where} cannot be a {kind}")
    return text


def faults(shape, value, where):
    """What ParamValidator does not look at: enumerations, the most that is allowed, patterns."""
    if shape.type_name == "structure":
        for name, inner in value.items():
            yield from faults(shape.members[name], inner, f"{where}.{name}")
    elif shape.type_name == "list":
        for n, inner in enumerate(value):
            yield from faults(shape.member, inner, f"{where}[{n}]")
    elif shape.type_name == "map":
        for key, inner in value.items():
            yield from faults(shape.value, inner, f"{where}[{key}]")
    elif shape.type_name == "string":
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield f"{where} is {value!r}, not one of {shape.enum}"
        pattern = shape.metadata.get("pattern")
        if pattern and not fits(pattern, value):
            yield f"{where} is {value!r}, which does not match {pattern}"
    most = shape.metadata.get("max")
    if most is not None:
        size = value if isinstance(value, (int, float)) else len(value)
        if size > most:
            yield f"{where} is {value!r}, more than {most}"


@functools.cache
def compiled(pattern):
    # Java's and Ruby's classes, which Python's re does not have.
    for theirs, ours in ((r"\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}", r"\w\W"), (r"\p{L}", "a-zA-Z"), (r"\p{Z}", r"\s"), (r"\p{N}", "0-9"),
                         (r"[\p{Print}]", r"[\x20-\x7e]"), (r"\p{Alnum}", "a-zA-Z0-9"), ("[:alnum:]", "a-zA-Z0-9"), (r"\z", r"\Z")):
        pattern = pattern.replace(theirs, ours)
    return re.compile(pattern)


def fits(pattern, value):
    return compiled(pattern).fullmatch(value) is not None


# --- query and EC2 ----------------------------------------------------------------------------------------------------


class Form:
    """The parameters of a query request, taken out one by one."""

    def __init__(self, pairs, ec2):
        self.values, self.ec2 = dict(pairs), ec2
        check(len(self.values) == len(pairs), f"a parameter is given twice: {pairs}")

    def has(self, prefix):
        return any(k == prefix or k.startswith(prefix + ".") for k in self.values)

    def member_name(self, name, shape):
        if self.ec2:
            if "queryName" in shape.serialization:
                return shape.serialization["queryName"]
            wire = shape.serialization.get("name")
            return wire[0].upper() + wire[1:] if wire else name
        return shape.serialization.get("name", name)

    def structure(self, shape, prefix):
        found = {}
        for name, member in shape.members.items():
            at = f"{prefix}.{self.member_name(name, member)}" if prefix else self.member_name(name, member)
            inner = self.list_prefix(member, at)
            if self.has(at) or self.has(inner):
                found[name] = self.value(member, at)
        return found

    def list_prefix(self, shape, at):
        if shape.type_name != "list" or self.ec2:
            return at
        name = shape.member.serialization.get("name")
        if shape.serialization.get("flattened"):
            return at.rpartition(".")[0] + ("." if "." in at else "") + name if name else at
        return f"{at}.{name or 'member'}"

    def value(self, shape, at):
        if shape.type_name == "structure":
            return self.structure(shape, at)
        if shape.type_name == "list":
            if self.values.get(at) == "":
                del self.values[at]
                return []
            inner, found, n = self.list_prefix(shape, at), [], 1
            while self.has(f"{inner}.{n}"):
                found.append(self.value(shape.member, f"{inner}.{n}"))
                n += 1
            check(found, f"{at} is no list that begins at 1")
            return found
        check(shape.type_name != "map" and at in self.values, f"{at} cannot be read as a {shape.type_name}")
        return scalar(shape, self.values.pop(at), at)


def read_query(model, request):
    form = Form(request.form, model.metadata["protocol"] == "ec2")
    operation = form.values.pop("Action", None)
    check(operation in model.operation_names, f"{model.service_name} has no operation {operation!r}")
    version = form.values.pop("Version", None)
    check(version == model.metadata["apiVersion"], f"the version is {version!r}, the model's {model.metadata['apiVersion']!r}")
    shape = model.operation_model(operation).input_shape
    params = form.structure(shape, "") if shape else {}
    check(not form.values, f"{operation} has no parameters {sorted(form.values)}")
    return Call(model.service_name, operation, params)


# --- JSON -----------------------------------------------------------------------------------------------------------


def read_json(model, request):
    prefix, _, operation = request.headers.get("x-amz-target", "").partition(".")
    check(prefix == model.metadata["targetPrefix"], f"the target is {prefix!r}, the model's {model.metadata['targetPrefix']!r}")
    check(operation in model.operation_names, f"{model.service_name} has no operation {operation!r}")
    check(request.headers.get("content-type") == f"application/x-amz-json-{model.metadata['jsonVersion']}",
          f"the content type is {request.headers.get('content-type')!r}")
    return Call(model.service_name, operation, json.loads(request.body))


# --- REST -----------------------------------------------------------------------------------------------------------


@functools.cache
def label_pattern(uri):
    parts = re.split(r"(\{\w+\+?\})", uri)
    return re.compile("".join(re.escape(p) if not p.startswith("{") else
                              f"(?P<{p.strip('{}+')}>{'.+' if p.endswith('+}') else '[^/]+'})" for p in parts) + "/?")


def rest_operations(model, request):
    """The operations whose method, path and fixed query the request has; those with the most of a query first."""
    given = urllib.parse.parse_qsl(request.query, keep_blank_values=True)
    for name in model.operation_names:
        operation = model.operation_model(name)
        uri, _, query = operation.http["requestUri"].partition("?")
        # S3's model leaves the bucket to the endpoint; here it is in the path.
        if model.service_name == "s3" and not uri.startswith("/{Bucket}"):
            uri = "/{Bucket}" + uri.rstrip("/")
        match = label_pattern(uri).fullmatch(request.path)
        fixed = urllib.parse.parse_qsl(query, keep_blank_values=True)
        if not match or operation.http["method"] != request.method or not all(p in given for p in fixed):
            continue
        rest = [p for p in given if p not in fixed]
        shape = operation.input_shape
        known = {m.serialization.get("name") for m in shape.members.values() if m.serialization.get("location") == "querystring"}
        needed = {m.serialization.get("name") for n, m in shape.members.items()
                  if n in shape.required_members and m.serialization.get("location") in ("querystring", "header")}
        if all(name in known for name, _ in rest) and needed <= {n for n, _ in rest} | set(request.headers):
            yield len(fixed), len(known), operation, match.groupdict(), rest


def element_value(shape, element, where):
    if shape.type_name == "structure":
        found, names = {}, {}
        for name, member in shape.members.items():
            names[member.serialization.get("name", name)] = (name, member)
        for child in element:
            tag = child.tag.rpartition("}")[2]
            check(tag in names, f"{where} has no member {tag}")
            name, member = names[tag]
            if member.type_name == "list" and member.serialization.get("flattened"):
                found.setdefault(name, []).append(element_value(member.member, child, f"{where}.{name}"))
            else:
                check(name not in found, f"{where}.{name} is given twice")
                found[name] = element_value(member, child, f"{where}.{name}")
        return found
    if shape.type_name == "list":
        return [element_value(shape.member, child, where) for child in element]
    check(len(element) == 0, f"{where} is a {shape.type_name}, but holds elements")
    return scalar(shape, element.text or "", where)


def read_body(model, operation, request):
    """The members that the body holds."""
    shape = operation.input_shape
    payload = shape.serialization.get("payload")
    if payload:
        member = shape.members[payload]
        if member.type_name in ("blob", "string"):
            return {payload: request.body if member.type_name == "blob" else request.body.decode()} if request.body else {}
        if not request.body:
            return {}
        root = ET.fromstring(request.body)
        wanted = member.serialization.get("name", payload)
        check(root.tag.rpartition("}")[2] == wanted, f"the body is a {root.tag}, not a {wanted}")
        return {payload: element_value(member, root, payload)}
    if model.metadata["protocol"] == "rest-json" and request.body:
        told = json.loads(request.body)
        wire = {m.serialization.get("name", n): n for n, m in shape.members.items() if "location" not in m.serialization}
        check(set(told) <= set(wire), f"the body has members {sorted(set(told) - set(wire))} that do not belong there")
        return {wire[k]: v for k, v in told.items()}
    check(not request.body, f"{operation.name} has no body")
    return {}


def read_rest(model, request):
    candidates = sorted(rest_operations(model, request), key=lambda c: (-c[0], c[1]))
    check(candidates, f"no operation of {model.service_name} is {request.method} {request.path}?{request.query}")
    _, _, operation, labels, query = candidates[0]
    params = {}
    for name, member in operation.input_shape.members.items():
        where, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if where == "uri":
            params[name] = urllib.parse.unquote(labels[wire])
        elif where == "querystring":
            values = [v for k, v in query if k == wire]
            if values:
                listed = member.type_name == "list"
                params[name] = values if listed else scalar(member, values[0], wire)
                check(listed or len(values) == 1, f"{wire} is given {len(values)} times")
        elif where == "header" and wire.lower() in request.headers and wire.lower() not in ("content-length", "content-md5"):
            params[name] = scalar(member, request.headers[wire.lower()], wire)
    params.update(read_body(model, operation, request))
    return Call(model.service_name, operation.name, params)


# --- the whole --------------------------------------------------------------------------------------------------------

READERS = {"ec2": read_query, "query": read_query, "json": read_json, "rest-json": read_rest, "rest-xml": read_rest}


def read(request):
    """The call that a recorded request is; Mismatch when it is none."""
    check(request.service, f"the request is not signed: {request!r}")
    model = model_of(request.service)
    return READERS[model.metadata["protocol"]](model, request)


def validate(call):
    """Raises Mismatch when the model does not allow the parameters."""
    shape = model_of_call(call).input_shape
    if shape is None:
        check(call.params == {}, f"{call.operation} takes no parameters")
        return
    report = ParamValidator().validate(call.params, shape)
    check(not report.has_errors(), f"{call.operation}: {report.generate_report()}")
    found = list(faults(shape, call.params, call.operation))
    check(not found, "; ".join(found))


def model_of_call(call):
    return SESSION.get_service_model(call.service).operation_model(call.operation)


def xml_parts(text):
    """An XML body without what may differ: white space, order of elements."""
    def parts(e):
        return (e.tag.rpartition("}")[2], (e.text or "").strip(), sorted(parts(c) for c in e))
    return parts(ET.fromstring(text)) if text else None


def compare(call, request):
    """Raises Mismatch when botocore would write another request for this call."""
    model = SESSION.get_service_model(call.service)
    protocol = model.metadata["protocol"]
    theirs = botocore.serialize.create_serializer(protocol, include_validation=False).serialize_to_request(
        call.params, model_of_call(call))
    if protocol in ("ec2", "query"):
        mine = sorted(request.form)
        body = sorted((k, str(v).lower() if isinstance(v, bool) else str(v)) for k, v in theirs["body"].items())
        check(mine == body, f"{call.operation}: botocore would send {body}, not {mine}")
    elif protocol == "json":
        body = json.loads(theirs["body"])
        check(json.loads(request.body) == body, f"{call.operation}: botocore would send {body}, not {request.body}")
    else:
        compare_rest(call, request, theirs, protocol)


def compare_rest(call, request, theirs, protocol):
    path, _, fixed = theirs["url_path"].partition("?")
    if call.service == "s3" and not path.startswith(f"/{call.params['Bucket']}"):
        path = f"/{call.params['Bucket']}{path}"
    given = sorted(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
    query = theirs["query_string"]
    pairs = [(k, v) for k, many in (query.items() if isinstance(query, dict) else query)
             for v in (many if isinstance(many, list) else [many])]
    wanted = sorted([(k, str(v)) for k, v in pairs] + urllib.parse.parse_qsl(fixed, keep_blank_values=True))
    check(urllib.parse.unquote(request.path).rstrip("/") == urllib.parse.unquote(path).rstrip("/"),
          f"{call.operation}: botocore's path is {path}, not {request.path}")
    check(given == wanted, f"{call.operation}: botocore's query is {wanted}, not {given}")
    if protocol == "rest-xml" and b"<" in (theirs["body"] or b"")[:1]:
        check(xml_parts(request.body) == xml_parts(theirs["body"]), f"{call.operation}: botocore would send {theirs['body']}, not {request.body}")
    elif protocol == "rest-json" and theirs["body"]:
        check(json.loads(request.body) == json.loads(theirs["body"]), f"{call.operation}: botocore would send {theirs['body']}, not {request.body}")
