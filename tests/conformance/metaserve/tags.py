"""Which tags can be a game's: the section "Heartbeat" of the page."""

# Control characters; those that are not seen or direct the layout; white space but U+0020; the
# empty Braille pattern; private use and noncharacters (but for the last two of each plane).
REFUSED = """
0000-001F 007F-009F
00AD 034F 0600-0605 061C 06DD 070F 0890-0891 08E2 115F-1160 17B4-17B5 180B-180F
200B-200F 2028-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFFB 110BD 110CD
13430-1343F 1BCA0-1BCA3 1D173-1D17A E0000-E0FFF
00A0 1680 2000-200A 202F 205F 3000 2800
E000-F8FF FDD0-FDEF F0000-10FFFF
"""


def _ranges():
    for item in REFUSED.split():
        first, _, last = item.partition("-")
        yield range(int(first, 16), int(last or first, 16) + 1)


RANGES = list(_ranges())


def is_tag(text):
    """Whether a daemon accepts this text as a game tag."""
    if not 1 <= len(text.encode()) <= 64 or text.strip(" ") != text or "  " in text:
        return False
    points = [ord(character) for character in text]
    return not any(it & 0xFFFE == 0xFFFE or any(it in some for some in RANGES) for it in points)
