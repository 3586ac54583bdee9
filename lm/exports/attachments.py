"""What stands for a file that was sent without words, told by its name or its type.

For apps that name the file and not the kind. The placeholders are those of lm/corpus/media.py.
"""

from __future__ import annotations

from lm.corpus.media import PLACEHOLDERS

_LONGEST = 8  # characters of an ending
_ENDINGS = {
    "photo": "jpg jpeg png heic heif webp bmp tif tiff avif",
    "animation": "gif gifv",
    "video": "mp4 mov m4v avi mkv webm 3gp mpg mpeg",
    "audio": "mp3 m4a aac wav flac wma",
    "voice": "opus ogg oga amr",
    "contact": "vcf",
}
_KINDS = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings.split()}


_TYPES = {"image": "photo", "video": "video", "audio": "audio"}


def of_type(media_type: str) -> str:
    """The placeholder for a file of a media type such as "image/jpeg" (RFC 6838)."""
    if media_type == "image/gif":
        return PLACEHOLDERS["animation"]
    return PLACEHOLDERS[_TYPES.get(media_type.partition("/")[0], "document")]


def of_listed(files: object, key: str) -> str:
    """The placeholder for the first of a list of objects that have names under a key, else ""."""
    first = files[0] if isinstance(files, list) and files else None
    name = first.get(key) if isinstance(first, dict) else None
    return of_file(name) if isinstance(name, str) and name else ""


def of_file(name: str) -> str:
    """The placeholder for a file called so: "[photo]" for x.jpg, "[file]" for what is no media."""
    _, dot, ending = name[-_LONGEST:].rpartition(".")
    return PLACEHOLDERS[_KINDS.get(ending.lower(), "document") if dot else "document"]
