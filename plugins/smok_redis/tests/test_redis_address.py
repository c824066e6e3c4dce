"""The ``url`` of a store: what is understood, and what of it is shown."""

import pytest
from smok_redis.address import Host, parse_url

SHOWN = {
    "redis://host": "redis://host:6379/0",
    "redis://host/3": "redis://host:6379/3",
    "REDISS://u:p@Host:7": "rediss://host:7/0",
    "redis://[::1]:7000/1": "redis://[::1]:7000/1",
    "redis://": "redis://localhost:6379/0",
    "unix:///run/r.sock": "unix:///run/r.sock?db=0",
    "unix://:pw@/run/r%20x.sock?db=2": "unix:///run/r x.sock?db=2",
    "redis+sentinel://a,b:7/plant": "redis+sentinel://a:26379,b:7/plant/0",
    "rediss+sentinel://:p@a/plant/4": "rediss+sentinel://a:26379/plant/4",
    "redis+cluster://u:p@a:1,b": "redis+cluster://a:1,b:6379",
}
BAD = [
    "",
    "host",
    "http://host",
    "redis:host",
    "redis+other://host",
    "unix+cluster:///x",
    "unix://host/x",
    "unix://",
    "unix:///x?dbx=1",
    "redis://a,b",
    "redis://host:x",
    "redis://host:70000",
    "redis://host/x",
    "redis://host/-1",
    "redis://host/1/2",
    "redis://host?db=1",
    "redis+sentinel://a",
    "redis+cluster://a/1",
]


@pytest.mark.parametrize(("url", "shown"), SHOWN.items())
def test_what_is_shown_of_a_url_has_no_login(url, shown):
    """The text of an address tells where the server is and hides who we are."""
    assert str(parse_url(url)) == shown
    assert repr(parse_url(url)) == f"<{shown}>"


@pytest.mark.parametrize("url", BAD)
def test_a_url_that_is_not_understood_is_refused(url):
    """A wrong URL is refused with the forms that are right, and is not repeated."""
    with pytest.raises(ValueError, match="redis\\+sentinel://") as caught:
        parse_url(url)
    assert not url or f"{url} " not in str(caught.value)


def test_logins_are_percent_decoded():
    """User and password may hold any character, percent-encoded."""
    address = parse_url("redis://us%40er:p%2F%3A%23w@h:1")
    assert (address.username, address.password) == ("us@er", "p/:#w")
    assert address.hosts == (Host("h", 1),)
    assert parse_url("redis://:pw@h").username is None
    assert parse_url("redis://h").password is None
