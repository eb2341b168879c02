"""How vectors are written as JSON."""

import json

from metaserve.encoding import Bytes, Fixed, Option, Struct, Text, Unsigned

# The largest number that every JSON reader takes exactly.
EXACT = 1 << 53


def plain(value):
    """A value of the codec as JSON has it: bytes in hexadecimal, very large numbers as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: plain(it) for name, it in value.items()}
    if isinstance(value, list | tuple):
        return [plain(it) for it in value]
    if isinstance(value, int) and value > EXACT:
        return str(value)
    return value


def from_plain(kind, value):
    """The value of this type that JSON has so."""
    match kind:
        case Struct(fields=fields):
            return {name: from_plain(fields[name], it) for name, it in value.items()}
        case Option(of=of):
            return None if value is None else from_plain(of, value)
        case Unsigned():
            return int(value)
        case Text():
            return value
        case Bytes() | Fixed():
            return bytes.fromhex(value)
    return value


def page(sections):
    """The whole file: an entry of a section is a line, so that a change is a line as well."""
    parts = []
    for name, entries in sections.items():
        if isinstance(entries, list):
            lines = ",\n".join("    " + json.dumps(plain(it), ensure_ascii=True) for it in entries)
            parts.append(f"  {json.dumps(name)}: [\n{lines}\n  ]")
        else:
            parts.append(f"  {json.dumps(name)}: {json.dumps(entries)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
