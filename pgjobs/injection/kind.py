"""What an injection file is, judged by its first bytes: a list of numbers in some encoding, or something else.

Pure functions of bytes. A line of rubbish in a list is one skipped line; a file that is no list at all is refused.
"""

from __future__ import annotations

import codecs
import re

SAMPLE = 1 << 16
"""So many bytes of a file are looked at."""

LIST = "save the list as CSV or plain text, one number a line, and resume the job"
UNPACK = "unpack it, or pack the list with gzip, and resume the job"
RECODE = "save the list as UTF-8 and resume the job"

ENCODINGS = (
    # UTF-32 first: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SIGNATURES = (
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet such as xlsx", LIST),
    (b"PK\x05\x06", "a ZIP archive", LIST),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document such as xls", LIST),
    (b"\x1f\x8b", "a gzip file within a gzip file", UNPACK),
    (b"\x1f\x9d", "an archive of compress", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ\x00", "an xz archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"\x04\x22\x4d\x18", "an lz4 archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"%PDF-", "a PDF", LIST),
    (b"{\\rtf", "an RTF document", LIST),
    (b"%!PS", "a PostScript document", LIST),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", LIST),
    (b"\xff\xd8\xff", "a JPEG image", LIST),
    (b"GIF8", "a GIF image", LIST),
    (b"II*\x00", "a TIFF image", LIST),
    (b"MM\x00*", "a TIFF image", LIST),
    (b"SQLite format 3\x00", "an SQLite database", LIST),
    (b"PAR1", "a Parquet file", LIST),
    (b"\x7fELF", "a program", LIST),
)
MARKUP = (
    (re.compile(rb"<(!doctype|html|head|body|table)\b", re.IGNORECASE).match, "an HTML page"),
    (re.compile(rb"<(\?xml|[a-z][\w:.-]*[\s/>])", re.IGNORECASE).match, "an XML document"),
    (re.compile(rb'(\{\s*"|\[\s*[\[{"\d])').match, "a JSON document"),
)
TAR = (257, b"ustar")
CONTROLS = bytes(b for b in range(256) if (b < 0x20 and b not in b"\t\n\v\f\r\x1a\x1b") or b == 0x7F)
FEW = 32
"""So many control bytes may be rubbish in a few lines of a list."""
LONE_CR = re.compile(rb"\d[^\S\r]*\r[^\S\r]*\+?\d").search


def encoding(head: bytes) -> str | None:
    """The encoding a byte order mark announces, where it is not UTF-8."""
    return next((name for mark, name in ENCODINGS if head.startswith(mark)), None)


def refusal(head: bytes) -> str | None:
    """Why these first bytes (of an unpacked file in UTF-8) begin no list of numbers, and what to do; else None."""
    text = head.removeprefix(codecs.BOM_UTF8)
    if known := _known(text):
        return "is no list of numbers, it looks like {}: {}".format(*known)
    if wide := _wide(text):
        return f"is in {wide} without a byte order mark: {RECODE}"
    if b"\n" not in text and LONE_CR(text):
        return "ends its lines with CR alone: save it with LF or CRLF as line ends and resume the job"
    return None


def _known(text: bytes) -> tuple[str, str] | None:
    """(what it is, what to do) of a format that is no list of numbers."""
    for signature, what, remedy in SIGNATURES:
        if text.startswith(signature):
            return what, remedy
    for is_it, what in MARKUP:
        if is_it(text.lstrip()):
            return what, LIST
    if text[TAR[0] :].startswith(TAR[1]):
        return "a tar archive", UNPACK
    controls = len(text) - len(text.translate(None, CONTROLS))
    if controls > FEW and controls * 20 > len(text) and not _wide(text):
        return "a binary file", LIST
    return None


def _wide(text: bytes) -> str | None:
    """UTF-16 or UTF-32, where nearly all digits and line ends have their NUL bytes at the same places."""
    if len(text) < 8:
        return None
    nul = [text[at::4].count(0) * 4 / len(text) > 0.8 for at in range(4)]
    names = {
        (False, True, True, True): "UTF-32LE",
        (True, True, True, False): "UTF-32BE",
        (False, True, False, True): "UTF-16LE",
        (True, False, True, False): "UTF-16BE",
    }
    return names.get((nul[0], nul[1], nul[2], nul[3]))
