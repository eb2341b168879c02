//! Text of game servers: bytes in any encoding, with colour codes of their games.
