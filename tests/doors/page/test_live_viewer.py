"""The mailbox of a viewer, and how an event is written."""

import asyncio

import pytest
from fix_stream import Event, read_event
from hypothesis import given
from hypothesis import strategies as st

from pgjobs.web.doors.page.viewer import PING, Update, Viewer, update


def told(viewer: Viewer) -> list[Update]:
    return asyncio.run(viewer.next())


@given(st.text())
def test_any_text_is_one_event(text: str) -> None:
    """Whatever a part of a page holds, it is one event, and arrives as it is but for the ends of its lines."""
    written = update("progress", text)
    block, end, rest = written.sent.decode("utf-8").partition("\n\n")
    assert ("\n\n", "") == (end, rest)
    plain = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    assert Event("progress", written.id, plain) == read_event(block)


def test_the_same_state_has_the_same_id() -> None:
    """The id of an event says what it shows: another text, or another name, has another one."""
    ids = [update(*each).id for each in (("progress", "1"), ("progress", "1"), ("progress", "2"), ("ended", "1"))]
    assert (ids[0], 3) == (ids[1], len(set(ids)))


def test_only_the_newest_about_a_job_is_kept() -> None:
    """Of several events about the same job that are unread the last one is sent, and each job has its own."""
    viewer = Viewer([7, 8], lambda _, __: PING)
    events = [update("progress", str(number)) for number in range(4)]
    for about, event in zip((7, 8, 7, 7), events, strict=True):
        viewer.put(about, event)
    assert [events[1], events[3]] == told(viewer)


def test_nothing_follows_the_last_one() -> None:
    """What is left after the last event is not sent, and then it is over."""
    viewer = Viewer([7], lambda _, __: PING)
    last = update("ended", "all", last=True)
    viewer.put(7, last)
    viewer.put(7, update("progress", "more"))
    assert [last] == told(viewer)
    assert [] == told(viewer)


@pytest.mark.parametrize("last", [False, True])
def test_what_a_browser_has_shown_is_not_sent_again(*, last: bool) -> None:
    """Whoever comes back with the id of a state is told the next one; an end is told all the same."""
    event, following = update("progress", "1", last=last), update("progress", "2")
    viewer = Viewer([7], lambda _, __: PING, knows=event.id)
    viewer.put(7, event)
    viewer.put(7, following)
    assert [event if last else following] == told(viewer)
    viewer = Viewer([7], lambda _, __: PING, knows=event.id)
    viewer.put(7, following)
    viewer.put(7, update("progress", "1"))
    assert ["1"] == [read_event(each.sent.decode().strip()).data for each in told(viewer)]  # type: ignore[union-attr]


def test_whoever_is_dismissed_is_told_that_alone() -> None:
    """What is unread is not sent to somebody who may not look any more."""
    viewer = Viewer([7], lambda _, __: PING)
    viewer.put(7, update("progress", "secret"))
    word = update("signed-out", "", last=True)
    viewer.dismiss(word)
    assert [word] == told(viewer)


def test_the_first_word_is_waited_for() -> None:
    """The first event can be looked at, and is sent all the same; none within the time is none."""

    async def look() -> None:
        viewer = Viewer([7], lambda _, __: PING)
        assert await viewer.first(0.01) is None
        event = update("progress", "1")
        asyncio.get_running_loop().call_soon(viewer.put, 7, event)
        assert event is await viewer.first(20)
        assert [event] == await viewer.next()

    asyncio.run(look())
