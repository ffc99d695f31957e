"""What the arguments of commands look like."""

from __future__ import annotations

from typing import Annotated

import typer

Job = Annotated[int, typer.Argument(help="id of the job", max=2**63 - 1)]
"""Of a greater one PostgreSQL would say that there is no such function."""
