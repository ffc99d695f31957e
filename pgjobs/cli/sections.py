"""The help of all commands, in sections: a word for what one wants, and the commands for it."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

LONGEST = 300
"""Letters of a help that are shown in a list; it has as many lines as it needs."""


class Whole(TyperGroup):
    """A group whose help cuts no sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 typer's own signature
        """Its commands, each with the whole of what it does."""
        told = [(name, command) for name, command in self.commands.items() if not command.hidden]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(LONGEST)) for name, command in told])


class Sections(TyperGroup):
    """A group whose help lists its commands by their sections."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 typer's own signature
        """A list for each section, in the order in which they were added."""
        told: dict[str, Any] = {name: command for name, command in self.commands.items() if not command.hidden}
        wide = max(map(len, told))
        for section in dict.fromkeys(command.rich_help_panel for command in told.values()):
            rows = [
                (name.ljust(wide), command.get_short_help_str(LONGEST))
                for name, command in told.items()
                if command.rich_help_panel == section
            ]
            with formatter.section(section):
                formatter.write_dl(rows)


def add(app: typer.Typer, section: str, commands: typer.Typer, name: str | None = None) -> None:
    """Add commands to a section: below a name of their own, or each by its own name."""
    for command in commands.registered_commands:
        command.rich_help_panel = section
    app.add_typer(commands, name=name, cls=Whole if name else None, rich_help_panel=section)
