"""What schemathesis has to know of this service; it loads this module itself."""

from typing import Any

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.format("job-type", st.sampled_from(["expired", "injection"]))


@schemathesis.check
def no_defect_inside(_ctx: object, response: schemathesis.Response, case: Any) -> None:
    """An answer with status 200 tells no defect of the service in its envelope."""
    if "Partner" in (case.operation.tags or []):
        assert "the service failed" not in response.text


@schemathesis.deserializer("text/html")
def as_it_is(_ctx: object, response: schemathesis.Response) -> str:
    """A page is a text."""
    return response.text
