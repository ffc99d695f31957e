"""Create a job from what stands on the command line; what it may be is for the database to say."""

from __future__ import annotations

import json
from typing import NoReturn

from pgjobs.errors import SettingsError
from pgjobs.ops.asking import answer
from pgjobs.settings import Settings

CREATE = "select (pgjobs.create_job(%s::jsonb) -> 'job')::text"


async def create(settings: Settings, columns: dict[str, str]) -> str:
    """Insert a job with these columns, each given as JSON; the job as JSON."""
    return str(await answer(settings, "create", CREATE, joined(columns)))


def number_of(job: str) -> int:
    """The number of a job that was created."""
    return int(json.loads(job)["id"])


def read_columns(
    texts: dict[str, str | None], values: dict[str, str | None], pairs: list[str] | None
) -> dict[str, str]:
    """The columns of a job as JSON: of options that are texts, of options that are numbers or objects, and of --set."""
    columns = {name: json.dumps(text) for name, text in texts.items() if text is not None}
    columns |= {name: as_json(value) for name, value in values.items() if value is not None}
    further = read_pairs("--set", pairs)
    if twice := sorted(columns.keys() & further.keys()):
        raise SettingsError(f"--set {twice[0]!r}: it is given by another option as well", "give it once")
    return columns | further


def read_pairs(option: str, pairs: list[str] | None) -> dict[str, str]:
    """What NAME=VALUE says, each value as JSON."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        name, is_pair, value = pair.partition("=")
        if not is_pair or not name:
            raise SettingsError(f"{option} {pair!r} is no NAME=VALUE", f"write it as in {option} service_id=290")
        if name in found:
            raise SettingsError(f"{option} {pair!r}: {name} is given twice", "give each name once")
        found[name] = as_json(value)
    return found


def read_params(text: str | None, pairs: list[str] | None) -> str | None:
    """The params of a job: a JSON value, with the further ones of --param in it; None where nothing is given."""
    given = read_pairs("--param", pairs)
    if text is None:
        return joined(given) if given else None
    if not is_json(text):
        raise SettingsError("--params: it is no JSON", """write it as in --params '{"service_id": 290}'""")
    if not given:
        return text
    whole = json.loads(text)
    if not isinstance(whole, dict):
        raise SettingsError("--params: it is no JSON object, and --param adds to one", "give one of the two")
    if twice := sorted(whole.keys() & given.keys()):
        raise SettingsError(f"--param {twice[0]!r}: it stands in --params as well", "give each name once")
    # The texts themselves, for a number may have more digits than a float.
    return f"{text.strip()[:-1]}{',' if whole else ''}{joined(given)[1:]}"


def as_json(value: str) -> str:
    """A value as JSON: as it is where it is JSON, else as a text."""
    return value if is_json(value) else json.dumps(value)


def is_json(text: str) -> bool:
    """Whether a text is JSON, by its rules and not by those of Python, which has NaN as well."""
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def joined(values: dict[str, str]) -> str:
    """A JSON object of values that are JSON."""
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in values.items()) + "}"


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
