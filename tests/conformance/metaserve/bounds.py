"""What the section "Names" of the page allows as keys, prefixes, values and tickets."""

import unicodedata

from .encoding import Bytes, Malformed, Text

LONGEST_KEY, LONGEST_VALUE, LONGEST_TICKET = 255, 8 * 1024, 4 * 1024


class Prefix(Text):
    """The beginning of keys."""

    def read(self, reader):
        text = super().read(reader)
        if len(text.encode()) > LONGEST_KEY:
            raise Malformed(f"a key has at most {LONGEST_KEY} bytes")
        if any(unicodedata.category(it) == "Cc" for it in text):
            raise Malformed("a key has no control characters")
        return text


class Key(Prefix):
    """A key: a prefix that is not empty."""

    def read(self, reader):
        text = super().read(reader)
        if not text:
            raise Malformed("a key is not empty")
        return text


class Bounded(Bytes):
    """At most so many bytes."""

    def __init__(self, most):
        self.most = most

    def read(self, reader):
        content = super().read(reader)
        if len(content) > self.most:
            raise Malformed(f"{len(content)} bytes, and {self.most} are allowed")
        return content


class Value(Bounded):
    """The value of a claim, or the payload of an order."""

    def __init__(self):
        super().__init__(LONGEST_VALUE)


class Ticket(Bounded):
    """A ticket, as it was issued."""

    def __init__(self):
        super().__init__(LONGEST_TICKET)
