"""Lines of a log that are looked for: those of one msisdn, or those whose target has a text in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from pgjobs.injection.lines import msisdn_of
from pgjobs.joblog.format import quoted
from pgjobs.joblog.reader import target_of

MSISDN = re.compile("[0-9]{5,20}")


class Wanted(NamedTuple):
    """Lines that are looked for: what they hold, and whether one that holds it is meant."""

    pattern: re.Pattern[bytes]
    is_meant: Callable[[bytes], bool]


def lines_of_msisdn(msisdn: str) -> Wanted:
    """The lines of one msisdn: it is found in the first column, as a daemon finds it there."""

    def is_meant(line: bytes) -> bool:
        target = target_of(line)
        return target is not None and msisdn_of(target.encode(errors="replace")) == msisdn.encode()

    return Wanted(re.compile(msisdn.encode() + rb"(?![0-9])"), is_meant)


def lines_with_target(text: str) -> Wanted:
    """The lines whose target has a text anywhere in it."""

    def is_meant(line: bytes) -> bool:
        target = target_of(line)
        return target is not None and text in target

    # As the log writes it: each character by itself.
    return Wanted(re.compile(re.escape(quoted(text.encode(errors="surrogateescape"))[1:-1])), is_meant)
