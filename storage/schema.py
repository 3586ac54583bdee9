"""The schema, as numbered steps that are only ever appended to, and the time in its columns."""

from __future__ import annotations

import time

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE groups (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE COLLATE NOCASE,
            created_at INTEGER NOT NULL
        ) STRICT""",
        # `agreed`: 1 only after somebody's consent was recorded in `consents`.
        """CREATE TABLE speakers (
            id INTEGER PRIMARY KEY,
            group_id INTEGER NOT NULL REFERENCES groups(id),
            name TEXT NOT NULL,
            telegram_user INTEGER,
            agreed INTEGER NOT NULL DEFAULT 0,
            UNIQUE (group_id, name),
            UNIQUE (group_id, telegram_user)
        ) STRICT""",
        """CREATE TABLE aliases (
            group_id INTEGER NOT NULL REFERENCES groups(id),
            alias TEXT NOT NULL,
            speaker INTEGER NOT NULL REFERENCES speakers(id),
            PRIMARY KEY (group_id, alias)
        ) STRICT""",
        """CREATE TABLE consents (
            id INTEGER PRIMARY KEY,
            speaker INTEGER NOT NULL REFERENCES speakers(id),
            agreed INTEGER NOT NULL,
            attested_by TEXT NOT NULL,
            at INTEGER NOT NULL
        ) STRICT""",
        # Training data: words of people who agreed, imported or live.
        """CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            group_id INTEGER NOT NULL REFERENCES groups(id),
            speaker INTEGER NOT NULL REFERENCES speakers(id),
            text TEXT NOT NULL,
            sent_at INTEGER,
            conversation TEXT NOT NULL,
            origin TEXT NOT NULL,
            reply_to TEXT,
            UNIQUE (group_id, origin)
        ) STRICT""",
        """CREATE TABLE chats (
            id INTEGER PRIMARY KEY,
            chat_id INTEGER NOT NULL,
            topic INTEGER NOT NULL,
            group_id INTEGER NOT NULL REFERENCES groups(id),
            persona INTEGER REFERENCES speakers(id),
            mode TEXT NOT NULL DEFAULT 'mention',
            chance INTEGER NOT NULL DEFAULT 0,
            UNIQUE (chat_id, topic)
        ) STRICT""",
        # What each chat's rolling context holds; a row is deleted as it rolls out.
        """CREATE TABLE context (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            chat INTEGER NOT NULL REFERENCES chats(id),
            message_id INTEGER NOT NULL,
            speaker INTEGER REFERENCES speakers(id),
            name TEXT NOT NULL,
            text TEXT NOT NULL,
            UNIQUE (chat, message_id)
        ) STRICT""",
        # state: 0 pending, 1 applied, 2 set aside. `raw` is emptied once applied.
        """CREATE TABLE inbox (
            update_id INTEGER PRIMARY KEY,
            raw TEXT NOT NULL,
            state INTEGER NOT NULL DEFAULT 0,
            received_at INTEGER NOT NULL,
            error TEXT NOT NULL DEFAULT ''
        ) STRICT""",
        "CREATE INDEX inbox_pending ON inbox (received_at, update_id) WHERE state = 0",
        # state: wanted (no text yet), ready, sending, sent, failed, unknown, expired, superseded.
        """CREATE TABLE outbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            cause TEXT NOT NULL UNIQUE,
            chat INTEGER NOT NULL REFERENCES chats(id),
            kind TEXT NOT NULL,
            persona INTEGER REFERENCES speakers(id),
            reply_to INTEGER,
            text TEXT NOT NULL DEFAULT '',
            body TEXT NOT NULL DEFAULT '',
            buttons TEXT NOT NULL DEFAULT '',
            state TEXT NOT NULL,
            message_id INTEGER,
            created_at INTEGER NOT NULL
        ) STRICT""",
        """CREATE INDEX outbox_open ON outbox (chat, id)
            WHERE state IN ('wanted', 'ready', 'sending')""",
        # state: running, done, failed, cancelled, interrupted.
        """CREATE TABLE retrains (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            chat INTEGER NOT NULL REFERENCES chats(id),
            message_id INTEGER,
            state TEXT NOT NULL,
            started_at INTEGER NOT NULL
        ) STRICT""",
    ),
    (
        # What placeholders of personal data are made with; it never leaves the database.
        "ALTER TABLE groups ADD COLUMN secret BLOB",
        "UPDATE groups SET secret = randomblob(32)",
        # A person may have several accounts. speakers.telegram_user is no longer used.
        """CREATE TABLE accounts (
            group_id INTEGER NOT NULL REFERENCES groups(id),
            telegram_user INTEGER NOT NULL,
            speaker INTEGER NOT NULL REFERENCES speakers(id),
            PRIMARY KEY (group_id, telegram_user)
        ) STRICT""",
        """INSERT INTO accounts SELECT group_id, telegram_user, id FROM speakers
            WHERE telegram_user IS NOT NULL""",
        "UPDATE speakers SET telegram_user = NULL",
        # `speaker` NULL, `text` empty: a turn of somebody who has not agreed.
        """CREATE TABLE turns (
            id INTEGER PRIMARY KEY,
            group_id INTEGER NOT NULL REFERENCES groups(id),
            speaker INTEGER REFERENCES speakers(id),
            text TEXT NOT NULL,
            sent_at INTEGER,
            conversation TEXT NOT NULL,
            origin TEXT NOT NULL,
            reply_to TEXT,
            UNIQUE (group_id, origin),
            CHECK (speaker IS NOT NULL OR text = '')
        ) STRICT""",
        """INSERT INTO turns
            SELECT id, group_id, speaker, text, sent_at, conversation, origin, reply_to
            FROM messages ORDER BY id""",
        "DROP TABLE messages",
        "ALTER TABLE turns RENAME TO messages",
    ),
    (
        # Whether the bot is in the chat still.
        "ALTER TABLE chats ADD COLUMN active INTEGER NOT NULL DEFAULT 1",
        # The id that a supergroup had while it was a group; NULL for any other chat.
        "ALTER TABLE chats ADD COLUMN moved_from INTEGER",
        # In mode auto: how often, in units of the friend's own rate. `quiet_from`, `quiet_to`:
        # minutes after midnight, by the clock of `zone` ('' for this machine's).
        "ALTER TABLE chats ADD COLUMN slider REAL NOT NULL DEFAULT 1.0",
        "ALTER TABLE chats ADD COLUMN instant INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE chats ADD COLUMN style TEXT NOT NULL DEFAULT 'normal'",
        "ALTER TABLE chats ADD COLUMN quiet_from INTEGER",
        "ALTER TABLE chats ADD COLUMN quiet_to INTEGER",
        "ALTER TABLE chats ADD COLUMN zone TEXT NOT NULL DEFAULT ''",
        # Digests of what the bot said last in each chat.
        """CREATE TABLE said (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            chat INTEGER NOT NULL REFERENCES chats(id),
            digest BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX said_by_chat ON said (chat, id)",
        # The year as which the chat's persona speaks; NULL for today.
        "ALTER TABLE chats ADD COLUMN year INTEGER",
        # `personas`: speaker ids with commas between. `title`: the cause of the message with the
        # button. state: playing, ended, stopped.
        """CREATE TABLE scenes (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            chat INTEGER NOT NULL REFERENCES chats(id),
            personas TEXT NOT NULL,
            lines INTEGER NOT NULL,
            title TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'playing',
            started_at INTEGER NOT NULL
        ) STRICT""",
        # Who reacted how to what a persona said.
        """CREATE TABLE reactions (
            chat INTEGER NOT NULL REFERENCES chats(id),
            message_id INTEGER NOT NULL,
            telegram_user INTEGER NOT NULL,
            emoji TEXT NOT NULL,
            persona INTEGER NOT NULL REFERENCES speakers(id),
            at INTEGER NOT NULL,
            PRIMARY KEY (chat, message_id, telegram_user, emoji)
        ) STRICT""",
        # The blind test. A round's lines lose their words when it is over; guesses stay.
        """CREATE TABLE guess_rounds (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            chat INTEGER NOT NULL REFERENCES chats(id),
            version INTEGER NOT NULL,
            state TEXT NOT NULL DEFAULT 'open',
            started_at INTEGER NOT NULL
        ) STRICT""",
        """CREATE TABLE guess_lines (
            round INTEGER NOT NULL REFERENCES guess_rounds(id),
            number INTEGER NOT NULL,
            speaker INTEGER NOT NULL REFERENCES speakers(id),
            text TEXT NOT NULL,
            is_real INTEGER NOT NULL,
            PRIMARY KEY (round, number)
        ) STRICT""",
        """CREATE TABLE guesses (
            round INTEGER NOT NULL,
            number INTEGER NOT NULL,
            telegram_user INTEGER NOT NULL,
            name TEXT NOT NULL,
            says_real INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (round, number, telegram_user),
            FOREIGN KEY (round, number) REFERENCES guess_lines (round, number)
        ) STRICT""",
        # Whose account wrote it; 0 for the bot's own, NULL where that was not kept yet.
        "ALTER TABLE context ADD COLUMN telegram_user INTEGER",
        # What a persona's owner allows: free, ask (each reply is shown to them first), muted.
        "ALTER TABLE speakers ADD COLUMN rule TEXT NOT NULL DEFAULT 'free'",
        # The language in which a training is told of in its chat, as an IETF tag.
        "ALTER TABLE retrains ADD COLUMN language TEXT NOT NULL DEFAULT ''",
        # When a group's model learns by itself: minutes after midnight, and when it last did.
        """CREATE TABLE schedules (
            group_id INTEGER PRIMARY KEY REFERENCES groups(id),
            chat INTEGER NOT NULL REFERENCES chats(id),
            minute INTEGER NOT NULL,
            language TEXT NOT NULL DEFAULT '',
            ran_at INTEGER
        ) STRICT""",
        # Errors that an admin was told of, by kind; no words of messages.
        """CREATE TABLE alarms (
            kind TEXT PRIMARY KEY,
            told_at INTEGER NOT NULL,
            count INTEGER NOT NULL
        ) STRICT""",
        # When Telegram was last heard: what it could not deliver for a day it forgets.
        "CREATE TABLE heard (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT",
        # Messages of an album are one: which one stands for it, and whether that has words.
        """CREATE TABLE albums (
            chat_id INTEGER NOT NULL,
            album TEXT NOT NULL,
            message_id INTEGER NOT NULL,
            has_words INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (chat_id, album)
        ) STRICT""",
        # Who asked to be forgotten, by speaker (NULL: none is theirs) and account (NULL: none).
        # state: open, erased (nothing is left on disk), told. `chat`, `reply_to`: where they asked.
        """CREATE TABLE forgettings (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            group_id INTEGER NOT NULL REFERENCES groups(id),
            speaker INTEGER,
            telegram_user INTEGER,
            chat INTEGER REFERENCES chats(id),
            reply_to INTEGER,
            language TEXT NOT NULL,
            messages INTEGER NOT NULL,
            state TEXT NOT NULL DEFAULT 'open',
            asked_at INTEGER NOT NULL
        ) STRICT""",
        # In which language (an IETF tag) an account spoke to the bot last.
        """CREATE TABLE languages (
            telegram_user INTEGER PRIMARY KEY,
            tag TEXT NOT NULL
        ) STRICT""",
        # The @name, without the @, of each account that writes in a group's chats.
        """CREATE TABLE handles (
            group_id INTEGER NOT NULL REFERENCES groups(id),
            telegram_user INTEGER NOT NULL,
            handle TEXT NOT NULL,
            PRIMARY KEY (group_id, telegram_user)
        ) STRICT""",
    ),
    (
        # Ids of speakers who turned out to be somebody else: versions still name them.
        """CREATE TABLE merged (
            id INTEGER PRIMARY KEY,
            speaker INTEGER NOT NULL REFERENCES speakers(id)
        ) STRICT""",
    ),
    (
        # When it was sent: a long silence ends a session. NULL where that was not kept yet.
        "ALTER TABLE context ADD COLUMN sent_at INTEGER",
    ),
)


def now() -> int:
    """Seconds since 1970, as every `_at` column holds them."""
    return int(time.time())
