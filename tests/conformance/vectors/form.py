"""How vectors are written as JSON."""

import json

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
