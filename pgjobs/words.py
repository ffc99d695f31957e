"""Numbers in sentences."""


def counted(number: int, thing: str) -> str:
    """A number with what it counts: 1 item, 2,000 items."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
