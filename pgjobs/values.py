"""Checks of the texts, names and paths that an operator sets: ValueError with a sentence that holds no value."""

from __future__ import annotations

import os
import re
from pathlib import Path

LONGEST = 4096
LONGEST_PATH, LONGEST_NAME = 3000, 200
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def check_text(value: str) -> str:
    """Any text: whole letters, no control characters, not too long."""
    if len(value) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} letters")
    if any("\ud800" <= one <= "\udfff" for one in value):
        raise ValueError("it is not UTF-8")
    if any(one < " " or "\x7f" <= one <= "\x9f" or one in "\u2028\u2029" for one in value):
        raise ValueError("there is a line break or another control character in it")
    return value


def check_stripped(value: object) -> object:
    """Any value; of a text the blanks around it, which never mean anything, are left out."""
    return check_text(value.strip()) if isinstance(value, str) else value


def check_folder(value: object) -> Path:
    """The path of a directory, as an absolute one."""
    text = check_text(str(value).strip())
    if not text:
        raise ValueError("it has to name a directory")
    path = Path(text).absolute()
    if len(os.fsencode(path)) > LONGEST_PATH or any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        raise ValueError("it is too long for a path")
    return path


def check_mode(value: str) -> str:
    """The mode of a file, octal: its owner reads and writes it, nobody executes it."""
    if not re.fullmatch(r"0?[0-7]{3}", value) or int(value, 8) & 0o600 != 0o600 or int(value, 8) & ~0o666:
        raise ValueError("it has to be octal as in 0640: the owner reads and writes, nobody executes")
    return value


def check_name(value: str) -> str:
    """A name that metrics and logs can show."""
    if not value or not value.isprintable() or len(value) > LONGEST_NAME:
        raise ValueError(f"it has to be a name in printable letters, {LONGEST_NAME} at most")
    return value


def check_token(value: str) -> str:
    """A token as a header holds it, behind the word Bearer; it may be empty."""
    if not value.isascii() or " " in value:
        raise ValueError("it has to be a token in ASCII without blanks, and without the word Bearer")
    return value


def check_level(value: str) -> str:
    """A level of the log, in capital letters."""
    if value.upper() not in LEVELS:
        raise ValueError("it has to be DEBUG, INFO, WARNING or ERROR")
    return value.upper()
