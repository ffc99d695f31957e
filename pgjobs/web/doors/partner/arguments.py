"""The arguments of a call: what its query string says, and, of a submission, what is known of the caller besides."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from pgjobs.web.errors import Problem, clipped
from pgjobs.web.identity import Identity

MOST = 50
LONGEST_NAME = 100
OF_THE_HOLDER = ("app_cdoc", "org_cdoc", "org_name", "user_cdoc", "user_id", "user_name")
"""Arguments that the record of the caller's token has."""
GIVEN_BY_US = ("api_version", *OF_THE_HOLDER, "archive", "sub_id")
FORMATS = ("json", "xml")
OF_THE_ANSWER = ("synchronous", "format")
"""Arguments that change the answer and not the job."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Arguments = dict[str, list[str]]


def read(request: Request) -> Arguments:
    """The arguments in the query string in their order, each with all its values; refuses what can't be one."""
    found: Arguments = {}
    for name, value in _pairs(request):
        if not 0 < len(name) <= LONGEST_NAME or CONTROL.search(name + value):
            raise bad(name, "it is empty, too long, or holds control characters", "give it without")
        if name in GIVEN_BY_US:
            raise bad(
                name, "this argument is not yours to give", "leave it out: it is taken from your token and the path"
            )
        found.setdefault(name, []).append(value)
    for form in found.get("format", []):
        if form not in FORMATS:
            raise bad("format", f"{clipped(form)} is no format", "take json or xml")
    return found


def flag(given: Arguments, name: str) -> bool:
    """An argument that is 0 or 1; false where it is not given."""
    values = set(given.get(name, ["0"]))
    if len(values) > 1 or not values <= {"0", "1"}:
        raise bad(name, f"{clipped(','.join(given[name]))} is neither 0 nor 1", "give 0 or 1, once")
    return values == {"1"}


def of_the_job(given: Arguments) -> str:
    """The arguments that make a request another one, as a query string."""
    return urlencode({name: values for name, values in given.items() if name not in OF_THE_ANSWER}, doseq=True)


def of_submission(given: Arguments, identity: Identity, version: str, subscription: str) -> list[list[object]]:
    """Every argument of a submission with its values, in the order in which the gateway shows them."""
    whole: list[list[object]] = [[name, values] for name, values in given.items()]
    whole.append(["api_version", [version]])
    whole += [[name, [identity.record[name]]] for name in OF_THE_HOLDER if name in identity.record]
    return [*whole, ["archive", [1]], ["sub_id", [subscription]]]


def wanted_format(request: Request) -> str:
    """The format of the answer, also to a call that is refused."""
    try:
        asked = [value for name, value in _pairs(request) if name == "format"]
    except Problem:
        asked = []
    return asked[-1] if asked and asked[-1] in FORMATS else "json"


def bad(name: str, what: str, hint: str) -> Problem:
    """A refusal of an argument."""
    return Problem(400, "bad_argument", f"{clipped(name)}: {what}", hint, field=name)


def _pairs(request: Request) -> list[tuple[str, str]]:
    # A call of the public client has an argument in its path, and joins the others with a second question mark.
    text = request.scope["query_string"].decode("latin-1").replace("?", "&")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST)
    except ValueError:
        raise Problem(400, "bad_argument", f"there are more than {MOST} arguments", "give fewer") from None
