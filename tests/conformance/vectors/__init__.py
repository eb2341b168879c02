"""Test vectors of the protocol, as data for implementations in any language.

`python -m vectors` prints docs/reference/vectors.json.
"""


def sections():
    """All of the file."""
    from .conversations import all_conversations
    from .malformed import all_malformed
    from .messages import all_messages

    return {
        "protocol": 1,
        "messages": all_messages(),
        "malformed": all_malformed(),
        "conversations": all_conversations(),
    }
