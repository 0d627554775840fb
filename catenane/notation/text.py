"""Text of a human language, for models that write one string from another."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from catenane.errors import NotationError
from catenane.files import escaped

__all__ = ["Text"]

_UNREADABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Text:
    """A sentence, or any other line."""

    text: str
    """Composed (Unicode form NFC), with one space for every run of white space and none at the ends."""

    @classmethod
    def parse(cls, text: str) -> Text:
        """Bring text into its normal form.

        Raises:
            NotationError: Nothing is left of it, or it holds a NUL or a lone surrogate.
        """
        if (bad := _UNREADABLE.search(text)) is not None:
            raise NotationError(
                f"{escaped(bad[0])} at position {bad.start()} is no character", position=bad.start()
            )
        normal = " ".join(unicodedata.normalize("NFC", text).split())
        if not normal:
            raise NotationError("the text is empty")
        return cls(normal)

    def normal(self) -> tuple[str, Text]:
        """The normal form, and the text as it is."""
        return self.text, self

    def randomised(self, seed: int) -> str:
        """The text as it is: it has one spelling."""
        return self.text

    def groups(self) -> dict[str, tuple[str, ...]]:
        """None."""
        return {}
