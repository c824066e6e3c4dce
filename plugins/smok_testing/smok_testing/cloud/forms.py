"""Reading multipart forms, strictly: the parts with names, nothing before, between or after."""

import re

from smok_testing.cloud.inputs import Refusal

_TYPE = re.compile(r"multipart/form-data; *boundary=\"?([0-9A-Za-z'()+_,./:=?-]{1,70})\"?")
_NAME = re.compile(rb'(?i)content-disposition: *form-data;(?: *[^;\r\n]+;)* *name="([^"\r\n]+)"')


def parse_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the parts of a form by name, or refuse the request with 400."""
    match = _TYPE.fullmatch(content_type.strip())
    if not match:
        raise Refusal(400, "the body is not a form with a boundary")
    mark = b"--" + match[1].encode()
    sections = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(sections) < 2 or sections[0] or sections[-1].strip() != b"--":
        raise Refusal(400, "the form is damaged")
    return dict(_part(section) for section in sections[1:-1])


def _part(section: bytes) -> tuple[str, bytes]:
    head, separator, content = section.partition(b"\r\n\r\n")
    name = _NAME.search(head)
    if not separator or not name:
        raise Refusal(400, "a part of the form has no name")
    return name[1].decode("latin-1"), content
