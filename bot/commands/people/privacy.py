"""/privacy: what is kept, for how long, what is learnt, and what everybody can do about it."""

from __future__ import annotations

from bot.house import House
from bot.updates.incoming import Incoming


async def privacy(house: House, heard: Incoming) -> None:
    """/privacy: the same for everybody, in a group and in private."""
    say = heard.wording
    text = say(
        "What I keep stays on the machine that I run on; nothing leaves it except to Telegram.\n"
        "\n"
        "· I learn only from people who agreed, and I can only be people who agreed. What they "
        "write is kept to learn from; numbers, addresses and other personal data in it become "
        "placeholders first.\n"
        "· What anybody else writes is remembered so that my answers fit, until newer messages "
        "push it out; /reset forgets it now.\n"
        "· Raw messages from Telegram lose their words as soon as I have read them; one that I "
        "fail on is kept for two days at most.\n"
        "· My own answers are never learnt from. My logs hold no messages.\n"
        "· Until /forget I keep the username of who writes here, the language of who speaks to me, "
        "the name and the guesses of who plays /guess, and who reacted to what I said, and how.\n"
        "\n"
        "/consent – agree to be learnt from, or not\n"
        "/mine – how I may speak as you: freely, after asking you, or not at all\n"
        "/mydata – a file with everything that I keep of you\n"
        "/forget – it all goes, and so does every version of me that learnt from you\n"
        "\n"
        "After /forget there stay the number of your Telegram account and a code made from your "
        "name that cannot be read back, so that I do not learn from you again, and when you asked."
        "\n"
        "\n"
        "What I say is made up by a small model that has read old messages. It is me, not them."
    )
    await house.answer(heard, text)
