"""A finding: how bad it is, what it is about, one sentence, and what to do about it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pgjobs.pg.hints import DATABASE_URL, hint_for

Level = Literal["ok", "warning", "problem"]
ADDRESSES = {"replica": "PGJOBS_REPLICA_URL"}
"""The setting whose server a check asks, where it is not the one of the database."""


class Finding(NamedTuple):
    """What one check found."""

    level: Level
    about: str
    sentence: str
    remedy: str = ""


def ok(about: str, sentence: str) -> Finding:
    """All is well."""
    return Finding("ok", about, sentence)


def warning(about: str, sentence: str, remedy: str) -> Finding:
    """It works, but somebody should look at it."""
    return Finding("warning", about, sentence, remedy)


def problem(about: str, sentence: str, remedy: str) -> Finding:
    """Jobs do not run, or not as they should."""
    return Finding("problem", about, sentence, remedy)


def unchecked(about: str, error: BaseException) -> Finding:
    """What a check that failed says: the first line of its error."""
    words = (str(error).strip() or f"no answer in time ({type(error).__name__})").splitlines()[0]
    return problem(about, f"it can't be checked: {words}", hint_for(error, ADDRESSES.get(about, DATABASE_URL)))
