"""One name for each account: two people who are called alike stay two speakers.

Knows no format; the readers whose apps have account ids share it.
"""

from __future__ import annotations

from lm.exports.export import clean_name


class Names:
    """The names of one export's accounts, each as it was shown first."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._of: dict[tuple[str, str], str] = {}
        self._owner: dict[str, str] = {}

    def of(self, raw: str, key: str, shown: str = "") -> str:
        """The name for an account, or for a raw name where the key is "".

        A second account of a name gets `shown` (else its key) in brackets. "" when neither name
        nor key shows anything.
        """
        account = ("", key) if key else (raw, "")
        name = self._of.get(account)
        if name is None:
            name = clean_name(raw) or key
            if key and self._owner.setdefault(name, key) != key:
                name = f"{name} ({shown or key})"
            self._of[account] = name
        return name
