"""Sentences that may hold what names a patient, and the same without."""

from __future__ import annotations


class Remark(str):
    """A text for users that names files or quotes descriptions, which may hold what identifies a patient.

    Attributes:
        anonymous: What it says without these.
    """

    anonymous: str

    def __new__(cls, text: str, anonymous: str) -> Remark:
        made = super().__new__(cls, text)
        made.anonymous = anonymous
        return made

    def __reduce__(self) -> tuple[type[Remark], tuple[str, str]]:
        return Remark, (str.__str__(self), self.anonymous)


def anonymous_text(text: str) -> str:
    """A text without what may identify a patient; one that is no `Remark` as it is."""
    return text.anonymous if isinstance(text, Remark) else text
