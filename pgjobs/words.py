"""Numbers and values in sentences, and texts that do no harm where they are shown."""

SHOWN = 80
"""So many letters of a value stand in a sentence."""


def counted(number: int, thing: str) -> str:
    """A number with what it counts: 1 item, 2,000 items."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def shown(text: str) -> str:
    """As much of a text as fits into a sentence, in printable letters."""
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def visible(text: str) -> str:
    r"""The text in one line: line breaks as \n, whatever else is no printable letter as an escape."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
