"""Who a device is: the two private extensions of its certificate, decoded strictly.

Only one encoding of each value is accepted. A lenient decoder could be talked into reading
another device's id out of bytes that an inspecting eye reads differently.
"""

import enum
from typing import Final

DEVICE_ID_OID: Final = "1.3.6.1.4.1.55338.0.0"
ENVIRONMENT_OID: Final = "1.3.6.1.4.1.55338.0.1"

_INTEGER: Final = 0x02
_UTF8, _PRINTABLE, _IA5 = 0x0C, 0x13, 0x16
_MAX_ID_BYTES: Final = 127  # the longest content whose length fits into one byte


class Environment(enum.IntEnum):
    """Which cloud a device certificate is for."""

    PRODUCTION = 0  #: mutual TLS
    STAGING = 1  #: the certificate travels in a header
    LOCAL = 2  #: local development; the certificate travels in a header


def decode_device_id(der: bytes) -> str:
    """Return the device id that the extension's value holds.

    Raises:
        ValueError: It is not exactly one short, printable text.
    """
    tag, content = _only_element(der)
    if tag not in (_UTF8, _PRINTABLE, _IA5):
        raise ValueError(f"has the ASN.1 type {tag:#04x}, not a text")
    text = content.decode("utf-8" if tag == _UTF8 else "ascii")
    if not text or not text.isprintable() or text != text.strip():
        raise ValueError("is empty, padded or not printable")
    return text


def decode_environment(der: bytes) -> Environment:
    """Return the environment that the extension's value holds.

    Raises:
        ValueError: It is not exactly one known number.
    """
    tag, content = _only_element(der)
    if tag != _INTEGER or len(content) != 1:
        raise ValueError("is not a one-byte ASN.1 INTEGER")
    return Environment(content[0])


def _only_element(der: bytes) -> tuple[int, bytes]:
    if len(der) < 2 or der[1] > _MAX_ID_BYTES or len(der) != 2 + der[1]:
        raise ValueError("is not exactly one short ASN.1 element")
    return der[0], der[2:]
