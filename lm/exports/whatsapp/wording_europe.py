"""WhatsApp's own words in the languages of Europe. Data; wording.py says what its fields are."""

from __future__ import annotations

from lm.exports.whatsapp.wording import Wording

EUROPE = {
    "English": Wording(
        media="media omitted|photo: image omitted|video: video omitted|audio: audio omitted|"
        "sticker: sticker omitted|animation: GIF omitted|document: document omitted|"
        "contact: contact card omitted|video_note: video note omitted|"
        "voice: voice message omitted|view once message omitted|"
        "location: live location shared|voice: view once voice message omitted",
        deleted="this message was deleted|you deleted this message|"
        "you deleted this message as admin",
        edited="this message was edited",
        attached="attached",
        files="file attached",
        calls="missed voice call|missed video call|missed group",
        notices="messages and calls are end-to-end encrypted|"
        "messages to this chat and calls are now|messages you send to this group are now|"
        "messages to this group are now secured|waiting for this message|"
        "your security code with|this business works with other",
        verbs=" created | added| removed | left| joined| changed | deleted | pinned |"
        " turned | were added| are now| updated | was added| started a call| renamed ",
        you="You",
        polls="POLL",
    ),
    "German": Wording(
        media="Media ausgeschlossen|Medien ausgeschlossen|Medien weggelassen|Medien fehlen|"
        "photo: Bild weggelassen|video: Video weggelassen|audio: Audio weggelassen|"
        "sticker: Sticker weggelassen|animation: GIF weggelassen|"
        "document: Dokument weggelassen|contact: Kontaktkarte ausgelassen|"
        "contact: Kontaktkarte weggelassen|video_note: Videonachricht weggelassen|"
        "location: Live-Standort wird geteilt|Datei weggelassen",
        deleted="Diese Nachricht wurde gelöscht|Du hast diese Nachricht gelöscht|"
        "Diese Nachricht wurde von einem Admin gelöscht",
        edited="Diese Nachricht wurde bearbeitet",
        attached="Anhang|angehängt",
        files="Datei angehängt",
        calls="Verpasster Sprachanruf|Verpasster Videoanruf|Sprachanruf verpasst|"
        "Videoanruf verpasst|Verpasster Gruppen",
        notices="Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt|"
        "Nachrichten in dieser Gruppe sind|Deine Sicherheitsnummer für|"
        "Auf diese Nachricht wird gewartet|Warte auf diese Nachricht",
        verbs=" hat | haben | wurde| bist | ist ",
        you="Du",
        polls="UMFRAGE",
    ),
    "French": Wording(
        media="Médias omis|Fichier omis|Média manquante|Médias absente|photo: image absente|"
        "video: vidéo absente|audio: audio omis|audio: audio absent|sticker: sticker omis|"
        "sticker: sticker absent|animation: GIF retiré|animation: GIF absent|"
        "document: document manquant|contact: fiche contact manquante|"
        "location: Localisation en direct partagée|voice: message vocal absent",
        deleted="Ce message a été supprimé|Vous avez supprimé ce message|"
        "Ce message a été supprimé par un admin",
        edited="Ce message a été modifié",
        attached="pièce jointe",
        files="fichier joint",
        calls="Appel vocal manqué|Appel vidéo manqué|Appel manqué",
        notices="Les messages et les appels sont chiffrés|"
        "Les messages et appels sont chiffrés|Votre code de sécurité avec|"
        "En attente de ce message",
        verbs=" a créé | a ajouté| a changé | a quitté| a modifié | a retiré| a rejoint| avez ",
        you="Vous",
        polls="SONDAGE",
    ),
    "Spanish": Wording(
        media="Multimedia omitido|Archivo omitido|Media omitido|Medios omitidos|"
        "photo: imagen omitida|video: video omitido|video: vídeo omitido|"
        "audio: audio omitido|sticker: sticker omitido|animation: GIF omitido|"
        "document: documento omitido|contact: tarjeta de contacto omitida|"
        "video_note: nota de video omitida|location: ubicación en tiempo real compartida",
        deleted="Se eliminó este mensaje|Eliminaste este mensaje|Este mensaje fue eliminado|"
        "Un admin. eliminó este mensaje|Este mensaje fue eliminado por un admin",
        edited="Se editó este mensaje|Este mensaje fue editado|Mensaje editado",
        attached="adjunto|archivo adjunto",
        files="archivo adjunto|archivo adjuntado",
        calls="Llamada perdida|Llamada de voz perdida|Videollamada perdida",
        notices="Los mensajes y las llamadas están cifrados|"
        "Los mensajes y llamadas están cifrados|Cambió tu código de seguridad con|"
        "Esperando este mensaje|Esperando el mensaje",
        verbs=" creó | añadió| cambió | salió| eliminó | se unió| agregó| abandonó",
        you="Tú",
        polls="ENCUESTA",
    ),
    "Italian": Wording(
        media="Media omessi|Media omesso|Media mancante|photo: immagine omessa|"
        "video: video omesso|audio: audio omesso|sticker: sticker omesso|"
        "sticker: sticker non incluso|animation: GIF esclusa|animation: GIF omessa|"
        "document: documento omesso|contact: scheda contatto omessa|"
        "video_note: videomessaggio omesso|location: posizione attuale condivisa",
        deleted="Questo messaggio è stato eliminato|Hai eliminato questo messaggio|"
        "Questo messaggio è stato eliminato da un amministratore",
        edited="Questo messaggio è stato modificato",
        attached="allegato",
        files="file allegato",
        calls="Chiamata vocale persa|Videochiamata persa",
        notices="I messaggi e le chiamate sono crittografati|Il tuo codice di sicurezza con|"
        "In attesa del messaggio",
        verbs=" ha creato | ha aggiunto| ha cambiato | ha modificato | ha abbandonato|"
        " ha rimosso| è entrato| è stato aggiunto",
        you="Hai",
        polls="SONDAGGIO",
    ),
    "Portuguese": Wording(
        media="Arquivo de mídia oculto|Mídia oculta|Mídia omitida|Ficheiro não revelado|"
        "Mídia ocultada|Multimédia não revelada|photo: imagem ocultada|photo: imagem omitida|"
        "photo: imagem não revelada|video: vídeo ocultado|video: vídeo omitido|"
        "video: vídeo não revelado|audio: áudio ocultado|audio: áudio omitido|"
        "audio: ficheiro de áudio não revelado|sticker: figurinha omitida|"
        "sticker: sticker não revelado|animation: GIF não revelada|animation: GIF omitido|"
        "document: documento ocultado|document: documento omitido|"
        "document: documento não revelado|contact: cartão do contato omitido|"
        "contact: contacto não revelado|location: localização atual compartilhada",
        deleted="Mensagem apagada|Esta mensagem foi apagada|Você apagou esta mensagem|"
        "Apagou esta mensagem|Esta mensagem foi eliminada|Eliminou esta mensagem|"
        "Esta mensagem foi apagada pelo remetente|Esta mensagem foi apagada por um admin",
        edited="Mensagem editada|Esta mensagem foi editada",
        attached="anexado|anexo",
        files="arquivo anexado|ficheiro anexado",
        calls="Chamada de voz perdida|Chamada de vídeo perdida|Videochamada perdida|"
        "Ligação de voz perdida|Ligação de vídeo perdida",
        notices="As mensagens e as chamadas são protegidas|"
        "As mensagens e ligações são protegidas|As mensagens e chamadas são encriptadas|"
        "As mensagens e as ligações são protegidas|Seu código de segurança com|"
        "O seu código de segurança|Aguardando mensagem|A aguardar esta mensagem",
        verbs=" criou | adicionou| mudou | alterou | saiu| removeu| entrou",
        you="Você",
        polls="ENQUETE|SONDAGEM",
    ),
    "Dutch": Wording(
        media="Media weggelaten|photo: afbeelding weggelaten|video: video weggelaten|"
        "audio: audio weggelaten|sticker: sticker weggelaten|animation: GIF weggelaten|"
        "document: document weggelaten|contact: contactkaart weggelaten|"
        "contact: visitekaartje weggelaten|video_note: videobericht weggelaten|"
        "location: live locatie gedeeld",
        deleted="Dit bericht is verwijderd|U hebt dit bericht verwijderd|"
        "Je hebt dit bericht verwijderd|Dit bericht werd verwijderd|"
        "Dit bericht is verwijderd door een beheerder",
        edited="Dit bericht is bewerkt",
        attached="bijgevoegd|bijlage",
        files="bestand bijgevoegd",
        calls="Gemiste spraakoproep|Gemiste video-oproep|Gemist spraakgesprek|Gemist videogesprek",
        notices="Berichten en gesprekken worden end-to-end|"
        "Berichten en oproepen zijn end-to-end|Berichten en gesprekken zijn end-to-end|"
        "Uw beveiligingscode voor|Je beveiligingscode voor|Wachten op dit bericht",
        verbs=" heeft | hebt | is toegevoegd| neemt nu deel",
        you="Je|U",
        polls="PEILING|POLL",
    ),
    "Russian": Wording(
        media="Без медиафайлов|Файл пропущен|Файл опущен|Медиа отсутствует|"
        "photo: изображение отсутствует|photo: изображение опущено|video: видео отсутствует|"
        "video: видео опущено|audio: аудиофайл отсутствует|audio: аудио опущено|"
        "audio: аудио отсутствует|sticker: стикер отсутствует|sticker: стикер опущен|"
        "sticker: стикер не добавлен|animation: GIF отсутствует|"
        "document: документ отсутствует|document: документ опущен|"
        "contact: контакт отсутствует|contact: карточка контакта отсутствует|"
        "video_note: видеосообщение отсутствует|voice: голосовое сообщение отсутствует|"
        "location: Геоданные отправлены",
        deleted="Данное сообщение удалено|Это сообщение удалено|Это сообщение было удалено|"
        "Вы удалили данное сообщение|Вы удалили это сообщение|Сообщение удалено|"
        "Это сообщение удалил администратор",
        edited="Сообщение изменено|Данное сообщение изменено|Это сообщение было изменено",
        attached="прикреплено|вложение|прикреплённый файл",
        files="файл добавлен|прикреплён файл",
        calls="Пропущенный аудиозвонок|Пропущенный видеозвонок|Пропущенный групповой",
        notices="Сообщения и звонки защищены сквозным|Сообщения и звонки теперь защищены|"
        "Ваш код безопасности с|Ожидание сообщения|Ожидание этого сообщения",
        verbs=" создал| добавил| изменил| покинул| вышел| вышла| удалил| присоединил| теперь ",
        you="Вы",
        polls="ОПРОС",
    ),
    "Ukrainian": Wording(
        media="Медіа пропущено|Без медіафайлів|Медіа відсутня|Медіафайли відсутнє|"
        "photo: зображення відсутнє|photo: зображення пропущено|video: відео відсутнє|"
        "video: відео пропущено|audio: аудіо відсутнє|audio: аудіо пропущено|"
        "sticker: наклейку не додано|sticker: стікер пропущено|sticker: стікер відсутній|"
        "animation: GIF-анімацію пропущено|animation: GIF відсутня|"
        "document: документ пропущено|document: документ відсутній|"
        "contact: картка контакту відсутня|location: геодані надіслано",
        deleted="Це повідомлення було видалено|Ви видалили це повідомлення|"
        "Це повідомлення видалено|Повідомлення видалено|Це повідомлення видалив адміністратор",
        edited="Це повідомлення змінено|Повідомлення змінено|Це повідомлення було змінено|"
        "Це повідомлення відредаговано|Це повідомлення було відредаговано",
        attached="додано|прикріплено|вкладення",
        files="файл додано",
        calls="Пропущений аудіодзвінок|Пропущений відеодзвінок|Пропущений голосовий",
        notices="Повідомлення й дзвінки захищено наскрізним|Повідомлення та дзвінки захищено|"
        "Повідомлення і дзвінки захищено|Ваші повідомлення та дзвінки захищено|"
        "Код безпеки з контактом|Ваш код безпеки|Очікування цього повідомлення",
        verbs=" створи| додав| додала| змінив| змінила| вийшов| вийшла| видали| приєдна| тепер ",
        you="Ви",
        polls="ОПИТУВАННЯ",
    ),
    "Czech": Wording(
        media="Média vynechána|Média vynechány|Média byla vynechána|photo: obrázek vynechán|"
        "video: video vynecháno|audio: zvukový soubor vynechán|audio: zvuk vynechán|"
        "audio: audio vynecháno|sticker: nálepka vynechána|animation: GIF vynechán|"
        "document: dokument vynechán|contact: vizitka vynechána|"
        "voice: hlasová zpráva vynechána|location: byla sdílena aktuální poloha",
        deleted="Tato zpráva byla smazána|Tuto zprávu jste smazal/a|"
        "Tato zpráva byla odstraněna|Tuto zprávu jste odstranil/a|Tuto zprávu jste smazali|"
        "Smazali jste tuto zprávu",
        edited="Tato zpráva byla upravena|Zpráva byla upravena|Upraveno",
        attached="příloha|přiloženo",
        files="soubor byl přiložen|přiložený soubor",
        calls="Zmeškaný hovor|Zmeškaný hlasový hovor|Zmeškaný videohovor|Zmeškaný skupinový",
        notices="Zprávy a hovory jsou opatřeny koncovým|Zprávy a hovory jsou koncově|"
        "Zprávy a volání jsou|Vaše zprávy a hovory jsou|Bezpečnostní kód mezi|"
        "Čekání na tuto zprávu",
        verbs=" vytvoři| přida| změni| opusti| odebra| odstrani| se připoji| upravi",
        you="Vy",
        polls="ANKETA|HLASOVÁNÍ",
    ),
    "Polish": Wording(
        media="pliki pominięto|Pominięto multimedia|Media pominięte|photo: obraz pominięty|"
        "video: wideo pominięte|audio: audio pominięte|sticker: pominięto naklejkę|"
        "animation: Plik GIF pominięty|document: dokument pominięty",
        deleted="Ta wiadomość została usunięta|Usunąłeś(-ęłaś) tę wiadomość|Usunięto tę wiadomość",
        edited="Wiadomość została zmieniona|Ta wiadomość została edytowana",
        attached="załączono",
        files="załączony plik",
        calls="Nieodebrane poł",
        notices="Wiadomości i połączenia są w pełni zaszyfrowane|"
        "Wiadomości i połączenia są chronione",
        polls="ANKIETA",
    ),
    "Swedish": Wording(
        media="Media har utelämnats|Medier uteslutna|photo: bild utesluten|"
        "video: video utesluten|audio: ljud utelslutet|sticker: sticker utesluten|"
        "animation: GIF utesluten|document: dokument uteslutet|contact: kontaktkort uteslutet",
        deleted="Det här meddelandet raderades|Du raderade det här meddelandet|"
        "Detta meddelande raderades|Du raderade detta meddelande",
        edited="Det här meddelandet har redigerats",
        attached="bifogat|bifogad",
        files="bifogad fil",
        calls="Missat röstsamtal|Missat videosamtal|Missat samtal",
        notices="Meddelanden och samtal är",
        polls="OMRÖSTNING",
    ),
    "Danish": Wording(
        media="Mediefil udeladt|Medier udeladt|photo: billede udeladt|video: video udeladt|"
        "audio: lyd udeladt|animation: GIF udeladt|sticker: klistermærke udeladt|"
        "document: dokument udeladt|contact: kontaktkort udeladt",
        deleted="Denne besked er blevet slettet|Denne besked blev slettet|"
        "Du har slettet denne besked|Du slettede denne besked",
        attached="vedhæftet",
        files="fil vedhæftet",
        calls="Ubesvaret taleopkald|Ubesvaret videoopkald|Mistet opkald",
        notices="Beskeder og opkald er",
    ),
    "Finnish": Wording(
        media="Media jätetty pois|photo: ei kuvaa|photo: kuva jätetty pois|"
        "video: videota ei sisällytetä|audio: äänitiedostoa ei sisällytetä|"
        "sticker: tarraa ei sisällytetty|animation: GIF-animaatio jätetty pois|"
        "document: dokumenttia ei sisällytetä",
        deleted="Tämä viesti poistettiin|Poistit tämän viestin",
        attached="liite",
        files="liitetiedosto",
        calls="Vastaamaton äänipuhelu|Vastaamaton videopuhelu",
        notices="Viestit ja puhelut salataan",
    ),
    "Hungarian": Wording(
        media="Hiányzó médiafájl|photo: kép küldése sikertelen|video: Videó kihagyva|"
        "audio: Hang kihagyása|sticker: matrica kihagyva|animation: GIF fájl kihagyása|"
        "document: dokumentum kihagyva|contact: Névjegykártya kihagyva",
        deleted="Ez az üzenet törlésre került|Törölted ezt az üzenetet|Ezt az üzenetet törölted",
        attached="csatolva",
        files="fájl csatolva",
        calls="Nem fogadott hanghívás|Nem fogadott videóhívás",
        notices="Az üzenetek és hívások végpontok",
    ),
    "Romanian": Wording(
        media="Conținut media omis|photo: Imagine omisă|video: clip video omis|"
        "audio: fără audio|animation: GIF omis|document: document omis",
        deleted="Acest mesaj a fost șters|Ați șters acest mesaj",
        attached="atașare|atașat",
        files="fișier atașat",
        calls="Apel vocal ratat|Apel video ratat|Apel vocal nepreluat",
        notices="Mesajele și apelurile sunt criptate",
    ),
    "Greek": Wording(
        media="Εξαίρεση πολυμέσων|photo: εικόνα παραλείφθηκε|video: βίντεο παραλείφθηκε|"
        "audio: ήχος παραλείφθηκε|sticker: αυτοκόλλητο παραλήφθηκε|animation: Παράληψη GIF|"
        "document: έγγραφο παραλείφθηκε",
        deleted="Αυτό το μήνυμα διαγράφηκε|Διαγράψατε αυτό το μήνυμα|Διαγράψατε το μήνυμα",
        attached="επισυνάφθηκε",
        files="συνημμένο αρχείο",
        calls="Αναπάντητη φωνητική κλήση|Αναπάντητη βιντεοκλήση|Αναπάντητη κλήση",
        notices="Τα μηνύματα και οι κλήσεις",
    ),
}
