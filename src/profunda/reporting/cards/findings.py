"""A finding on a card: a stable code and one sentence."""

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """Something wrong with a card: `code` is stable, `text` names the section or field and what to do."""

    code: str
    text: str
