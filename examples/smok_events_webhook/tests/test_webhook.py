"""What is this backend's own: who is told what, in which order, and what failures do to it."""

import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest
from receiver import serving
from smok_events_webhook.postman import Postman

import smok_core
from smok_core import Event


@pytest.fixture
def config(tmp_path):
    """Give configurations of one file, whose events go to a server; all else is in memory."""

    def config(url, **options):
        path = str(tmp_path / "events.db")
        store = {"backend": "events-webhook", "url": url, "path": path, **options}
        return {"device": "pump-17", "stores": {"hook": store}, "roles": {"events": "hook"}}

    return config


def test_each_change_is_told_once_and_in_order(config):
    """Opening and closing are posted as they happen; repeats of either are not."""
    with serving() as server, smok_core.open_databases(config(server.url)) as databases:
        first, second = Event(started_on=1, message="hot"), Event(started_on=2, message="wet")
        databases.events.add_event(first)
        databases.events.add_event(second)
        databases.events.add_event(first)
        first.ended_on = 9
        databases.events.close_event(first)
        databases.events.close_event(first)
        databases.events.add_event(Event(started_on=3))
        told = server.wait_for(4)
    assert [(t["change"], t["event"]["started_on"]) for t in told] == [
        ("opened", 1), ("opened", 2), ("closed", 1), ("opened", 3),
    ]  # fmt: skip
    assert told[2]["event"]["ended_on"] == 9
    assert (told[0]["device"], told[0]["id"]) == ("pump-17", first.provisional_uuid)


def test_the_upload_to_the_cloud_goes_on_as_ever(config):
    """Telling the server takes nothing out of the queue of the uploader."""
    with serving() as server, smok_core.open_databases(config(server.url)) as databases:
        databases.events.add_event(Event(started_on=1))
        server.wait_for(1)
        assert len(databases.events.get_events_to_sync()) == 1


@pytest.mark.parametrize("answer", [302, 401, 404, 429, 500, 503])
def test_what_did_not_arrive_is_sent_again(answer):
    """Any answer but 2xx and a refusal of the body keeps the post, and its place in the order."""
    with serving(answer, answer) as server:
        postman = Postman(server.url, None, 5, 10, pause=0.01)
        postman.post(b"1")
        postman.post(b"2")
        assert server.wait_for(2) == [1, 2]
        postman.close()
    assert postman.dropped == 0


@pytest.mark.parametrize("answer", [400, 413, 422])
def test_what_the_server_refuses_is_dropped_and_said(answer, caplog):
    """A body that the server will never take does not block those behind it."""
    with serving(answer) as server, caplog.at_level(logging.WARNING):
        postman = Postman(server.url, None, 5, 10, pause=0.01)
        postman.post(b"1")
        postman.post(b"2")
        assert server.wait_for(1) == [2]
        postman.close()
    assert postman.dropped == 1
    assert f"answered {answer}" in caplog.text


def test_a_refused_post_is_a_dead_letter(config):
    """What the server will never take is kept, with the reason, where an operator looks."""
    with serving(422) as server, smok_core.open_databases(config(server.url)) as databases:
        databases.events.add_event(Event(started_on=1, provisional_uuid="bad"))
        databases.events.add_event(Event(started_on=2))
        server.wait_for(1)
        letters = list(databases.events.get_dead_letters())
        assert [letter.reason for letter in letters] == ["the server answered 422"]
        assert databases.events.stats().dead == 1


def test_a_forked_child_posts_for_itself():
    """Its events arrive, and what waited at the fork arrives once, from the parent."""
    with serving() as server:
        postman = Postman(server.url, None, 5, 10, pause=0.01)
        postman.post(b"1")
        server.wait_for(1)
        child = os.fork()
        if child == 0:
            postman.post(b"2")
            postman.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert server.wait_for(2) == [1, 2]
        postman.close()


def test_a_server_that_is_away_delays_nobody_and_is_told_later(config):
    """Adding events works without the server; when it is back it is told all, in order."""
    with serving() as server:
        port, url = server.server_address[1], server.url
    with smok_core.open_databases(config(url)) as databases:
        databases.events.postman._pause = 0.01
        for at in range(5):
            databases.events.add_event(Event(started_on=at))
        assert databases.events.postman.pending() == 5
        with serving(port=port) as server:
            assert [t["event"]["started_on"] for t in server.wait_for(5)] == [0, 1, 2, 3, 4]
            databases.events.postman.close()


DEVICE = """
import json, os, signal, sys
import smok_core
from smok_core import Event

with smok_core.open_databases(json.loads(sys.argv[1])) as databases:
    for number in range(20):
        event = Event(started_on=number, provisional_uuid=f"e{number}")
        databases.events.add_event(event)
        if number % 2:
            event.ended_on = 99
            databases.events.close_event(event)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(configuration):
    """Run a device that adds 20 events, closes every second one, and is killed."""
    done = subprocess.run([sys.executable, "-c", DEVICE, json.dumps(configuration)], check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_killed_device_tells_after_its_restart_what_it_had_not(config):
    """No event of a device that was killed with the server away stays untold."""
    with serving() as server:
        port, url = server.server_address[1], server.url
    killed(config(url))
    with serving(port=port) as server, smok_core.open_databases(config(url)):
        told = {t["id"]: t["event"].get("ended_on") for t in server.wait_for(20)}
    assert told == {f"e{n}": 99 if n % 2 else None for n in range(20)}


def test_a_killed_device_may_tell_again_and_never_forgets(config):
    """Killed while it posts, all is told in the end, and nothing again that is known to be."""
    with serving() as server:
        killed(config(server.url))
        before = len(server.bodies)
        with smok_core.open_databases(config(server.url)) as databases:
            deadline = time.monotonic() + 20
            while databases.events.postman.pending() and time.monotonic() < deadline:
                time.sleep(0.01)
        told = {body["id"]: body["event"].get("ended_on") for body in server.bodies}
        assert told == {f"e{n}": 99 if n % 2 else None for n in range(20)}
        assert len(server.bodies) <= before + 30
        after = len(server.bodies)
        with smok_core.open_databases(config(server.url)) as databases:
            assert databases.events.postman.pending() == 0
        assert len(server.bodies) == after


def test_only_looking_tells_nobody(config):
    """`smok status` beside the device opens the store, and posts nothing."""
    with serving() as server:
        url = server.url
    killed(config(url))
    with smok_core.open_databases(config(url), looking=True) as databases:
        assert len(list(databases.events.get_all_events())) == 20
        assert databases.events.postman.pending() == 0


def test_beyond_the_limit_the_oldest_is_dropped_and_counted(caplog):
    """Memory is bounded; what is dropped is counted and logged."""
    with serving() as server:
        url = server.url
    postman = Postman(url, None, 1, most=3, pause=60)
    for body in (b"1", b"2", b"3", b"4", b"5"):
        postman.post(body)
    assert (postman.pending(), postman.dropped) == (3, 2)
    postman._ended.set()
    assert "too many wait" in caplog.text


def test_the_token_is_sent_and_never_shown(config, caplog):
    """The secret reaches the server, and no log, repr or error."""
    with serving(500) as server, caplog.at_level(logging.DEBUG):
        postman = Postman(server.url, "s3cret", 5, 10, pause=0.01)
        postman.post(b"1")
        server.wait_for(1)
        postman.close()
    assert server.headers[0]["Authorization"] == "Bearer s3cret"
    loaded = smok_core.load_config(config(server.url, token="s3cret"))
    assert "s3cret" not in caplog.text + repr(loaded.stores["hook"].options)


def test_only_the_one_role_can_be_kept(config):
    """Another role given to this store is an error of the config that says what to do."""
    wrong = config("http://localhost/x")
    wrong["roles"] = {"metadata": "hook"}
    with pytest.raises(smok_core.SmokError, match="keeps only: events"):
        smok_core.load_config(wrong)
