"""How values become bytes: the section "Encoding" of the protocol page.

A type has `write(value)`, which gives bytes, and `read(reader)`, which gives the value. Values are
plain: int, str, bytes, None, list, and dict for a struct. A socket address is text such as
"192.0.2.1:7777" or "[2001:db8::1]:7777".
"""

import ipaddress


class Malformed(Exception):
    """The bytes are not what the protocol allows: close code 2."""


class Reader:
    """Bytes that are read from the front to the end."""

    def __init__(self, data):
        self.data, self.position = bytes(data), 0

    def take(self, count):
        end = self.position + count
        if end > len(self.data):
            raise Malformed("the message ends too early")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    @property
    def rest(self):
        return len(self.data) - self.position


class Unsigned:
    """`u16`, `u32` and `u64`: one byte below 251, else a marker and 2, 4 or 8 bytes."""

    MARKERS = {0xFB: 2, 0xFC: 4, 0xFD: 8}

    def __init__(self, bits):
        self.bits = bits

    def write(self, value):
        if not 0 <= value < 1 << self.bits:
            raise ValueError(f"{value} has more than {self.bits} bits")
        if value < 251:
            return bytes([value])
        for marker, size in self.MARKERS.items():
            if value < 1 << 8 * size:
                return bytes([marker]) + value.to_bytes(size, "little")

    def read(self, reader):
        first = reader.take(1)[0]
        if first < 251:
            return first
        size = self.MARKERS.get(first)
        if size is None or 8 * size > self.bits:
            raise Malformed(f"{first:#x} begins no number of {self.bits} bits")
        return int.from_bytes(reader.take(size), "little")


U16, U32, U64 = Unsigned(16), Unsigned(32), Unsigned(64)


class Bytes:
    """A length and so many bytes."""

    def write(self, value):
        return U64.write(len(value)) + value

    def read(self, reader):
        return reader.take(U64.read(reader))


class Text(Bytes):
    """UTF-8."""

    def write(self, value):
        return super().write(value.encode())

    def read(self, reader):
        try:
            return super().read(reader).decode()
        except UnicodeDecodeError as error:
            raise Malformed("text that is not UTF-8") from error


class Fixed:
    """So many bytes, without a length."""

    def __init__(self, size):
        self.size = size

    def write(self, value):
        assert len(value) == self.size
        return value

    def read(self, reader):
        return reader.take(self.size)


class Option:
    """None, or a value."""

    def __init__(self, of):
        self.of = of

    def write(self, value):
        return b"\0" if value is None else b"\1" + self.of.write(value)

    def read(self, reader):
        tag = reader.take(1)[0]
        if tag > 1:
            raise Malformed(f"an option begins with 0 or 1, not {tag}")
        return self.of.read(reader) if tag else None


class List:
    """A count and so many items."""

    def __init__(self, of):
        self.of = of

    def write(self, value):
        return U64.write(len(value)) + b"".join(map(self.of.write, value))

    def read(self, reader):
        return [self.of.read(reader) for _ in range(U64.read(reader))]


class Choice:
    """One of few names, written as the number of its variant."""

    def __init__(self, *names):
        self.names = names

    def write(self, value):
        return U32.write(self.names.index(value))

    def read(self, reader):
        number = U32.read(reader)
        if number >= len(self.names):
            raise Malformed(f"unknown variant {number}")
        return self.names[number]


class Address:
    """An IP address and a port."""

    def write(self, value):
        host, port = value.rsplit(":", 1)
        ip = ipaddress.ip_address(host.strip("[]"))
        return bytes([ip.version == 6]) + ip.packed + U16.write(int(port))

    def read(self, reader):
        family = U32.read(reader)
        if family > 1:
            raise Malformed(f"unknown address family {family}")
        ip = ipaddress.ip_address(reader.take(16 if family else 4))
        port = U16.read(reader)
        return f"[{ip}]:{port}" if family else f"{ip}:{port}"


class Extensions:
    """Pairs of a tag and bytes, by ascending tags, up to the end of what is read."""

    def write(self, value):
        return b"".join(U16.write(tag) + Bytes().write(content) for tag, content in value)

    def read(self, reader):
        found = []
        while reader.rest:
            tag, content = U16.read(reader), Bytes().read(reader)
            if found and tag <= found[-1][0]:
                raise Malformed("extensions that are not in ascending order")
            found.append((tag, content))
        # Only when the whole list can be read, so that every peer gives the same reason.
        for tag, _ in found:
            if tag % 2:
                raise Malformed(f"unknown extension {tag}")
        return found


class Sized:
    """Another type within bytes of its own, whose length comes first."""

    def __init__(self, of):
        self.of = of

    def write(self, value):
        return Bytes().write(self.of.write(value))

    def read(self, reader):
        inner = Reader(Bytes().read(reader))
        value = self.of.read(inner)
        if inner.rest:
            raise Malformed(f"{inner.rest} bytes too many")
        return value


class Struct:
    """Fields in order."""

    def __init__(self, **fields):
        self.fields = fields

    def write(self, value):
        return b"".join(kind.write(value[name]) for name, kind in self.fields.items())

    def read(self, reader):
        return {name: kind.read(reader) for name, kind in self.fields.items()}
