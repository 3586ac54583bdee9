"""Command menus: what each kind of chat is shown, in every language there is."""

from __future__ import annotations

from telegram import BotCommandScopeAllChatAdministrators as Admins
from telegram import BotCommandScopeAllGroupChats as Groups
from telegram import BotCommandScopeAllPrivateChats as Private
from telegram.constants import BotCommandLimit

from bot.router import COMMANDS
from bot.updates.menus import menus
from bot.wording import languages, wording


def shown(language: str) -> dict[type, list[str]]:
    return {
        type(scope): [command.command for command in commands]
        for scope, commands in menus(COMMANDS, wording(language))
    }


def test_members_admins_and_private_chats_see_what_they_can_use() -> None:
    """Admins see every command, members those for them, a private chat what works there."""
    found = shown("en")
    assert found[Admins] == [command.name for command in COMMANDS]
    assert "retrain" not in found[Groups]
    assert "as" in found[Groups]
    assert "as" not in found[Private]
    assert {"help", "privacy", "mydata"} <= set(found[Private])


def test_every_line_fits_telegram_in_every_language() -> None:
    """A description that is empty or too long makes Telegram refuse the whole menu."""
    for language in languages():
        for _, commands in menus(COMMANDS, wording(language)):
            assert 0 < len(commands) <= BotCommandLimit.MAX_COMMAND_NUMBER
            for command in commands:
                assert 0 < len(command.description) <= BotCommandLimit.MAX_DESCRIPTION


def test_names_are_commands_and_no_two_are_the_same() -> None:
    """Lower case letters, digits and underscores."""
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert all(name.isascii() and name.replace("_", "").isalnum() for name in names)
    assert all(name == name.lower() for name in names)
