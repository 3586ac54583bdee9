"""What WhatsApp itself writes into an export, language by language: placeholders, notices, verbs.

The data, as the app's translations have it, is in wording_europe.py and wording_asia.py; phrases.py
says what it means. To add a language, add an entry there; an empty field costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's phrases, those of one kind with | between them.

    media:    the whole text of a message in the place of a file; "KIND: PHRASE" where it names the
              kind, in the words of lm/corpus/media.py
    deleted:  the whole text of a deleted message
    edited:   in <...> at the end of an edited message
    attached: in <...: FILE>, and files in FILE (...)
    calls, notices: beginnings of texts, of a call and of what the group itself says
    verbs:    what follows a name where something happened to the group
    """

    media: str = ""
    deleted: str = ""
    edited: str = ""
    attached: str = ""
    files: str = ""
    calls: str = ""
    notices: str = ""
    verbs: str = ""
    you: str = ""
    polls: str = ""
