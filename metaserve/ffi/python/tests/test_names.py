"""Names, as the C calls give them."""

import unittest
from typing import Optional, Tuple, Union

import metaserve

from .daemon import WithDaemon, until

Answer = Tuple[str, Optional[metaserve.Holder]]


class Names(WithDaemon):
    """Of all who claim a key one holds it, and everybody can ask who."""

    def names(self) -> metaserve.Names:
        """A connection for names."""
        names = metaserve.Names(**self.daemon.trust)
        self.addCleanup(names.close, 0)
        return names

    def answer(self, question: Union[metaserve.Claim, metaserve.Resolve]) -> Answer:
        """The first answer."""

        def answered() -> Optional[Answer]:
            given = question.poll()
            return None if given[0] == "connecting" else given

        answer: Answer = until("an answer", answered)
        return answer

    def test_a_key_has_one_holder_whom_all_can_find_until_it_is_released(self) -> None:
        """A second claim is told who holds it."""
        names, others = self.names(), self.names()
        name, nobody = self.answer(names.resolve("zone/meadow"))
        self.assertEqual((name, nobody), ("ended", None))

        claim = names.claim("zone/meadow", "203.0.113.7:7777")
        name, mine = self.answer(claim)
        assert mine
        self.assertEqual((name, mine.key, claim.state), ("live", "zone/meadow", ("live", "")))

        question = others.resolve("zone/meadow")
        name, found = self.answer(question)
        assert found
        self.assertEqual((name, found.value, found.epoch), ("live", b"203.0.113.7:7777", mine.epoch))
        self.assertTrue((found.address or "").startswith("127.0.0.1:"))

        second = others.claim("zone/meadow")
        name, holder = self.answer(second)
        assert holder
        self.assertEqual((name, holder.epoch), ("ended", mine.epoch))
        self.assertNotEqual(second.state.text, "")

        claim.update(b"elsewhere")

        def updated() -> bool:
            _, found = self.answer(others.resolve("zone/meadow"))
            return found is not None and found.value == b"elsewhere"

        until("everybody sees the new value", updated)
        claim.close()
        self.assertEqual(claim.state, ("ended", "closed"))
        until("it is free", lambda: self.answer(others.resolve("zone/meadow"))[1] is None)
        _, next_holder = self.answer(others.claim("zone/meadow"))
        assert next_holder
        self.assertGreater(next_holder.epoch, mine.epoch)

    def test_a_forgotten_claim_is_released(self) -> None:
        """The garbage collector does it; the connection stays."""
        names, others = self.names(), self.names()
        claim = names.claim("zone/meadow")
        self.assertEqual(self.answer(claim)[0], "live")
        del claim
        until("it is free", lambda: self.answer(others.resolve("zone/meadow"))[1] is None)
        self.assertEqual(names.state, ("live", ""))

    def test_a_key_that_nobody_can_start_is_a_question_that_fails(self) -> None:
        """The reason is in its state."""
        question = self.names().resolve("zone/meadow", start=True, value=b"small", within=5)
        self.assertEqual(self.answer(question), ("ended", None))
        self.assertNotEqual(question.state.text, "")

    def test_arguments_that_cannot_be_used_are_errors(self) -> None:
        """C would cut some of them short."""
        names = self.names()
        for key in ["", "a\0b", "x" * 256]:
            with self.assertRaises(metaserve.Error):
                names.claim(key)
        for within in [0.0, -1.0, 301.0, float("nan")]:
            with self.assertRaisesRegex(metaserve.Error, "within"):
                names.resolve("zone/meadow", within=within)
        names.close()
        with self.assertRaisesRegex(metaserve.Error, "closed"):
            names.claim("zone/meadow")


if __name__ == "__main__":
    unittest.main()
