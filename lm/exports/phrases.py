"""What WhatsApp itself writes into an export, by language: media, deletions, calls, notices.

Knows words only. A text is the app's own when the whole of it is one of these, never a part.
"""

from __future__ import annotations

from lm.corpus.text import clean

NOTICE = "notice"  # the kind of what the group itself says, where its name stands as the speaker
_LONGEST = 300  # characters looked at: the app's own sentences are shorter


def _phrases(*languages: str) -> frozenset[str]:
    """Phrases that are written with | between them, a language a line."""
    return frozenset(phrase for line in languages for phrase in line.split("|"))


MEDIA = _phrases(
    "media omitted|image omitted|video omitted|audio omitted|sticker omitted|gif omitted",
    "document omitted|contact card omitted|video note omitted|voice message omitted",
    "media ausgeschlossen|medien ausgeschlossen|medien weggelassen|bild weggelassen",
    "video weggelassen|audio weggelassen|sticker weggelassen|gif weggelassen",
    "dokument weggelassen|kontaktkarte ausgelassen|kontaktkarte weggelassen",
    "videonachricht weggelassen|multimedia omitido|archivo omitido|imagen omitida",
    "video omitido|audio omitido|sticker omitido|gif omitido|documento omitido",
    "tarjeta de contacto omitida|nota de video omitida|médias omis|fichier omis|image absente",
    "vidéo absente|audio omis|audio absent|sticker omis|sticker absent|gif retiré|gif absent",
    "document manquant|fiche contact manquante|media omessi|immagine omessa|video omesso",
    "audio omesso|sticker omesso|sticker non incluso|gif esclusa|gif omessa|documento omesso",
    "scheda contatto omessa|videomessaggio omesso|arquivo de mídia oculto|mídia oculta",
    "mídia omitida|ficheiro não revelado|imagem ocultada|imagem omitida|vídeo ocultado",
    "vídeo omitido|áudio ocultado|áudio omitido|figurinha omitida|documento ocultado",
    "cartão do contato omitido|без медиафайлов|файл пропущен|файл опущен",
    "изображение отсутствует|изображение опущено|видео отсутствует|видео опущено",
    "аудиофайл отсутствует|аудио опущено|стикер отсутствует|стикер опущен|gif отсутствует",
    "документ отсутствует|документ опущен|контакт отсутствует|media weggelaten",
    "afbeelding weggelaten|document weggelaten|contactkaart weggelaten",
    "videobericht weggelaten|medya dahil edilmedi|medya atlanmış|görüntü dahil edilmedi",
    "video dahil edilmedi|ses dahil edilmedi|çıkartma dahil edilmedi|gif dahil edilmedi",
    "belge dahil edilmedi|kişi kartı dahil edilmedi",
)
DELETED = _phrases(
    "this message was deleted|you deleted this message|diese nachricht wurde gelöscht",
    "du hast diese nachricht gelöscht|se eliminó este mensaje|eliminaste este mensaje",
    "este mensaje fue eliminado|ce message a été supprimé|vous avez supprimé ce message",
    "questo messaggio è stato eliminato|hai eliminato questo messaggio|mensagem apagada",
    "esta mensagem foi apagada|você apagou esta mensagem|apagou esta mensagem",
    "esta mensagem foi eliminada|eliminou esta mensagem|данное сообщение удалено",
    "это сообщение удалено|это сообщение было удалено|вы удалили данное сообщение",
    "вы удалили это сообщение|dit bericht is verwijderd|u hebt dit bericht verwijderd",
    "je hebt dit bericht verwijderd|bu mesaj silindi|bu mesajı sildiniz",
)
EDITED = _phrases(
    "this message was edited|diese nachricht wurde bearbeitet|se editó este mensaje",
    "este mensaje fue editado|ce message a été modifié|questo messaggio è stato modificato",
    "mensagem editada|esta mensagem foi editada|сообщение изменено|данное сообщение изменено",
    "это сообщение было изменено|dit bericht is bewerkt|bu mesaj düzenlendi",
)
ATTACHED = _phrases(  # <attached: FILE>
    "attached|anhang|adjunto|pièce jointe|allegato|anexado|anexo|вложение|прикреплено",
    "прикреплённый файл|bijgevoegd|bijlage|eklendi|ekli|ek",
)
FILE_ATTACHED = _phrases(  # FILE (file attached)
    "file attached|datei angehängt|archivo adjunto|fichier joint|file allegato",
    "arquivo anexado|ficheiro anexado|файл добавлен|прикреплён файл|bestand bijgevoegd",
    "dosya ekli",
)
POLLS = _phrases("poll|umfrage|encuesta|sondage|sondaggio|enquete|sondagem|опрос|peiling|anket")
CALLS = (
    *("missed voice call", "missed video call", "missed group", "verpasster sprachanruf"),
    *("verpasster videoanruf", "sprachanruf verpasst", "videoanruf verpasst", "llamada perdida"),
    *("llamada de voz perdida", "videollamada perdida", "appel vocal manqué", "appel vidéo manqué"),
    *("chiamata vocale persa", "videochiamata persa", "chamada de voz perdida"),
    *("chamada de vídeo perdida", "пропущенный аудиозвонок", "пропущенный видеозвонок"),
    *("gemiste spraakoproep", "gemiste video-oproep", "cevapsız sesli arama"),
    "cevapsız görüntülü arama",
)
NOTICES = (
    *("messages and calls are end-to-end encrypted", "messages to this chat and calls are now"),
    *("messages you send to this group are now", "messages to this group are now secured"),
    *("waiting for this message", "nachrichten und anrufe sind ende-zu-ende-verschlüsselt"),
    *("nachrichten in dieser gruppe sind", "los mensajes y las llamadas están cifrados"),
    *("los mensajes y llamadas están cifrados", "les messages et les appels sont chiffrés"),
    *("les messages et appels sont chiffrés", "i messaggi e le chiamate sono crittografati"),
    *("as mensagens e as chamadas são protegidas", "as mensagens e ligações são protegidas"),
    *("as mensagens e chamadas são encriptadas", "сообщения и звонки защищены сквозным"),
    *("сообщения и звонки теперь защищены", "berichten en gesprekken worden end-to-end"),
    *("berichten en oproepen zijn end-to-end", "mesajlar ve aramalar uçtan uca şifrelidir"),
)
VERBS = (  # "Alice added Bob": what follows a name in a system line
    *(" created ", " added", " removed", " left", " joined", " changed ", " deleted ", " pinned "),
    *(" turned ", " were added", " are now", " hat ", " haben ", " wurde", " creó ", " añadió"),
    *(" cambió ", " salió", " eliminó", " a créé ", " a ajouté", " a changé ", " a quitté"),
    *(" a modifié ", " ha creato ", " ha aggiunto", " ha cambiato ", " ha modificato "),
    *(" ha abbandonato", " criou ", " adicionou", " mudou ", " alterou ", " saiu", " создал"),
    *(" добавил", " изменил", " покинул", " вышел", " вышла", " heeft ", " oluşturdu", " ekledi"),
    *(" ayrıldı", " değiştirdi"),
)
_YOU = ("You", "Du", "Tú", "Vous", "Hai", "Você", "Вы", "Je", "Siz")
_QUOTES = (' "', " “", " „", " «", " '")


def names_a_person(prefix: str) -> bool:
    """Whether what stands before the first colon is a name: no sentence of the app quoting one."""
    if not any(quote in prefix for quote in _QUOTES):
        return True
    return not any(verb in prefix for verb in VERBS)


def is_event(text: str, names: set[str]) -> bool:
    """Whether a text says what happened to the group: "Alice added Bob"."""
    for verb in VERBS:
        name, found, _ = text[:_LONGEST].partition(verb)
        if found and (name in names or name in _YOU):
            return True
    return False


def own_words(raw: str) -> tuple[str, str]:
    """The words a person typed and "", or "" and the kind of thing that stands instead."""
    tail = clean(raw.rpartition("\u200e")[2]) if "\u200e" in raw else ""
    text, media = _without_suffixes(clean(raw))
    first, _, caption = text.partition("\n")
    if first.endswith(")") and _plain(first.rpartition("(")[2]) in FILE_ATTACHED:
        text, media = caption.strip(), True
    if tail and _plain(tail) in MEDIA:
        text, media = _before(text, tail), True
    if not text:
        return "", "media" if media else "empty"
    kind = _kind(text)
    if not kind and not media and raw.startswith("\u200e"):
        kind = "system"  # iPhones begin with this mark what nobody typed, in every language
    return ("", kind) if kind else (text, "")


def _plain(phrase: str) -> str:
    return phrase[:_LONGEST].strip(" .<>()\n").casefold()


def _without_suffixes(text: str) -> tuple[str, bool]:
    """Text without the app's own <...> at its end, and whether one of them named a file."""
    media = False
    for _ in range(2):  # a file and "edited"
        kept, bracket, inner = text.rpartition("<")
        if not bracket or not text.endswith(">"):
            break
        attached = _plain(inner.partition(":")[0]) in ATTACHED
        if not attached and _plain(inner) not in EDITED:
            break
        text, media = kept.rstrip(), media or attached
    return text, media


def _before(text: str, tail: str) -> str:
    """The caption before a placeholder; the name and pages of a document are no caption."""
    caption = text.removesuffix(tail).rstrip()
    return "" if "•" in caption else caption


def _kind(text: str) -> str:
    start = text[:_LONGEST].casefold()
    plain = _plain(text) if len(text) < _LONGEST else ""
    if plain in MEDIA:
        return "media"
    if plain in DELETED or start.startswith("this message was deleted by admin"):
        return "deleted"
    if plain == "null":
        return "empty"
    if start.startswith(CALLS):
        return "call"
    if start.startswith(NOTICES):
        return NOTICE
    first, colon, _ = start.partition(":")
    if colon and first.rstrip() in POLLS and start[len(first) + 1 :].startswith("\n"):
        return "poll"
    if colon and start.partition(": ")[2].startswith("https://maps.google.com/?q="):
        return "location"
    return ""
