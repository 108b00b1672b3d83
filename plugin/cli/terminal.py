"""Text of strangers on a terminal: nothing in it moves the cursor, changes a colour or turns the reading direction."""


def shown(text: str) -> str:
    """The text with every character that is not printed as itself written as an escape: a newline is \\n, ESC is \\x1b."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def size(count: int) -> str:
    """Bytes for people: 512 B, 1.5 KiB, 20.0 MiB."""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
