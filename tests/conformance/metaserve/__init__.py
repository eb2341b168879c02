"""An independent peer of the metaserve protocol, version 1.

Written from docs/reference/protocol.md alone, never from the Rust sources: whatever the page leaves
open shows here first.
"""
