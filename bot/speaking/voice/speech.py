"""The words of a message that the bot sends: whose they are, harmless, and short enough.

Everything goes out as plain text. Lengths are UTF-16 units, as Telegram counts them.
"""

from __future__ import annotations

from bot.speaking.voice.showing import shown

LONGEST = 4096
JOINER = "\u2060"  # word joiner: invisible, and breaks a mention or a command


def signed(name: str, body: str) -> str:
    """A persona's words as the chat sees them: visibly an understudy's, pinging nobody."""
    return defuse(f"🎭 {name}: {shown(body)}")


def defuse(text: str) -> str:
    """Keep @names from pinging and /words from being clickable commands.

    A command is what Telegram takes for one: / and then a letter, digit or _ of ASCII (TDLib,
    MessageEntity.cpp, match_bot_commands).
    """
    out = []
    for index, char in enumerate(text):
        out.append(char)
        following = text[index + 1 : index + 2]
        opens = index == 0 or not (text[index - 1].isalnum() or text[index - 1] in "/_")
        command = following.isascii() and (following.isalnum() or following == "_")
        if (char == "@" and following.strip()) or (char == "/" and opens and command):
            out.append(JOINER)
    return "".join(out)


def utf16_length(text: str) -> int:
    """UTF-16 units in `text`."""
    return len(text.encode("utf-16-le")) // 2


def split(text: str, longest: int = LONGEST) -> list[str]:
    """Cut text into parts of at most `longest` units, at line ends or spaces where there are any.

    Never inside a character: a part ends between two code points.
    """
    parts = []
    while utf16_length(text) > longest:
        end = _fits(text, longest)
        cut = max(text.rfind("\n", 0, end), text.rfind(" ", 0, end))
        end = cut if cut > end // 2 else end
        parts.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*parts, text] if text else parts


def _fits(text: str, longest: int) -> int:
    """How many code points of `text` make at most `longest` units."""
    units = 0
    for index, char in enumerate(text):
        units += 2 if ord(char) > 0xFFFF else 1
        if units > longest:
            return index
    return len(text)
