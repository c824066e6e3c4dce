"""Hostile bytes: whatever arrives, what comes out is a value or an error of ours."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from smok_cloud.answers import check_status, decoded_body, parse
from smok_cloud.api import ApiClient
from smok_cloud.certificates import device_id_of
from smok_cloud.errors import CloudError, InvalidCredentials, NotTheApi, UnaddressableKey
from smok_cloud.identity import decode_device_id, decode_environment
from smok_cloud.shapes import BaobPlan
from smok_cloud.transport import Answer
from smok_testing.cloud import InProcessTransport, SandboxCloud
from smok_testing.cloud.pki import Files

BRACKETS = st.lists(st.sampled_from([b"[", b"]", b"{", b'"a":', b"}", b"1", b",", b"\xff"]))
JSON_LIKE = st.one_of(st.binary(), BRACKETS.map(b"".join), st.integers().map(lambda n: b"9" * n if
    0 < n < 6000 else b"-1"))  # fmt: skip


@given(JSON_LIKE)
def test_any_body_is_a_plan_or_not_the_api(body: bytes) -> None:
    """No bytes raise anything else than NotTheApi."""
    try:
        plan = parse("GET /", body, BaobPlan)
    except NotTheApi:
        return
    assert isinstance(plan, BaobPlan)


@given(
    st.binary(max_size=200),
    st.text(max_size=30),
    st.sampled_from(["gzip", "identity", "br", ""]),
    st.integers(100, 599),
    st.text(max_size=40),
)
def test_any_answer_is_success_or_a_cloud_error(
    body: bytes, length: str, encoding: str, status: int, retry_after: str
) -> None:
    """Whatever the headers hold, the outcome is a body or a CloudError."""
    headers = {"content-encoding": encoding, "retry-after": retry_after, "date": retry_after}
    headers |= {"content-length": length} if length else {}
    answer = Answer(status, headers, body)
    try:
        check_status("GET /", answer, lambda: 0.0)
        plain = decoded_body("GET /", answer, 1000)
    except CloudError:
        return
    assert 200 <= status < 300
    assert len(plain) <= 1000


@given(st.binary(max_size=140))
def test_any_extension_is_read_exactly_or_refused(der: bytes) -> None:
    """A decoded identity encodes to the bytes it came from."""
    try:
        text = decode_device_id(der)
    except ValueError:
        pass
    else:
        assert der[2:] == text.encode()
    try:
        number = decode_environment(der)
    except ValueError:
        pass
    else:
        assert der == bytes([2, 1, number])


# A damaged serial number may come out negative, of which the library warns.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@settings(max_examples=150)
@given(st.data())
def test_a_damaged_certificate_is_refused_or_read(device_files: Files, data: st.DataObject) -> None:
    """A certificate with any one byte of its file changed gives an id or InvalidCredentials."""
    content = bytearray(device_files.certificate.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = Path(device_files.certificate).with_name("damaged.crt")
    path.write_bytes(content)
    with contextlib.suppress(InvalidCredentials):
        assert device_id_of(path).isprintable()


METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "BREW"])
PATHS = st.sampled_from(
    ["/v1/device", "/v1/device/pathpoints", "/v1/device/alarms", "/v1/device/baobs",
     "/v1/device/baobs/k", "/v1/device/metadata/plain/%FF", "/v1/device/metadata/plain/%",
     "/v1/device/macros/m/1e400", "/v1/device/macros/m/nan", "/v1/device/sensor/write_log", "//"]
)  # fmt: skip


@given(METHODS, PATHS, JSON_LIKE)
def test_the_sandbox_never_breaks(method: str, path: str, body: bytes) -> None:
    """Any request gets an answer of the API's form."""
    cloud = SandboxCloud()
    reply = cloud.handle(method, path, {"Content-Type": "application/json"}, body)
    assert reply.status < 500
    assert reply.headers["content-length"] == str(len(reply.body))


@given(st.text(max_size=20))
def test_any_key_survives_its_url_or_is_refused(key: str) -> None:
    """A key that can be sent arrives as exactly that key."""
    cloud = SandboxCloud()
    client = ApiClient("http://x", transport=InProcessTransport(cloud))
    try:
        client.put_metadata(key, "v", 1.0)
    except UnaddressableKey:
        assert cloud.metadata == {}
    else:
        assert list(cloud.metadata) == [key]
