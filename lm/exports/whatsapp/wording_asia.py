"""WhatsApp's own words in the languages of Asia. Data; wording.py says what its fields are."""

from __future__ import annotations

from lm.exports.whatsapp.wording import Wording

ASIA = {
    "Arabic": Wording(
        media="تم استبعاد الوسائط|تم استبعاد الوسائط.|photo: لم يتم إدراج الصورة|"
        "video: لم يتم إدراج الفيديوهات|video: لم يتم إدراج الفيديو|"
        "audio: لم يتم إدراج المقاطع الصوتية|audio: لم يتم إدراج المقطع الصوتي|"
        "sticker: تم حذف الملصقات|sticker: لم يتم إدراج الملصق|sticker: تم حذف الملصق|"
        "animation: لم يتم إدراج صورة GIF|document: لم يتم إدراج المستند|"
        "contact: لم يتم إدراج بطاقة جهة اتصال|location: تمت مشاركة الموقع المباشر|"
        "ملفات مفقودة|الوسائط غير مدرجة|<الوسائط غير مدرجة>|تم حذف الوسائط|"
        "تم استثناء الوسائط|حُذفت الوسائط",
        deleted="تم حذف هذه الرسالة|لقد حذَفت هذه الرسالة|لقد حذفت هذه الرسالة|"
        "أنت حذفت هذه الرسالة|حذفت هذه الرسالة|حذفتَ هذه الرسالة",
        edited="تم تعديل هذه الرسالة|تم تعديل الرسالة|عُدِّلت هذه الرسالة",
        attached="المُرفق|المرفق|مُرفق|مرفق",
        files="الملف مرفق|ملف مرفق",
        calls="مكالمة صوتية فائتة|مكالمة فيديو فائتة|مكالمة جماعية فائتة|مكالمة فائتة",
        notices="الرسائل والمكالمات مشفرة|الرسائل والمكالمات مُشفّرة|الرسائل والمكالمات محمية|"
        "إن الرسائل التي ترسلها|تغيّر رمز أمانك|تغير رمز الأمان|في انتظار هذه الرسالة",
        verbs=" أنشأ| أضاف| غيّر| غادر| أزال| انضم| قام ",
        you="أنت|لقد",
        polls="استطلاع|استطلاع رأي",
    ),
    "Hebrew": Wording(
        media="המדיה הוסרה|המדיה לא נכללה|מדיה הושמטה|photo: התמונה הושמטה|"
        "video: סרטון הווידאו הושמט|audio: קטע קול הושמט|sticker: סטיקר הושמט|"
        "animation: GIF הושמט|document: מסמך הושמט|contact: כרטיס איש קשר הושמט",
        deleted="הודעה זו נמחקה|מחקת את ההודעה הזו|מחקת הודעה זו",
        edited="הודעה זו נערכה",
        attached="מצורף",
        files="קובץ מצורף",
        calls="שיחה קולית שלא נענתה|שיחת וידאו שלא נענתה",
        notices="ההודעות והשיחות מוצפנות",
    ),
    "Persian": Wording(
        media="پیوست نما/آهنگ حذف شد|رسانه حذف شد|photo: تصویر حذف شد|video: ویدیو حذف شد|"
        "audio: صدا حذف شد|sticker: استیکر حذف شد|animation: GIF حذف شد|document: سند حذف شد",
        deleted="این پیام حذف شده است|این پیام حذف شد|شما این پیام را حذف کردید",
        attached="پیوست",
        calls="تماس صوتی پاسخ داده نشده|تماس تصویری پاسخ داده نشده|تماس تصویری بیپاسخ",
        notices="پیام‌ها و تماس‌ها سرتاسر|پیامها و تماسها سرتاسر",
    ),
    "Turkish": Wording(
        media="Medya dahil edilmedi|Medya atlanmış|photo: görüntü dahil edilmedi|"
        "video: video dahil edilmedi|audio: ses dahil edilmedi|"
        "sticker: Çıkartma dahil edilmedi|animation: GIF dahil edilmedi|"
        "document: belge dahil edilmedi|contact: kişi kartı dahil edilmedi",
        deleted="Bu mesaj silindi|Bu mesajı sildiniz",
        edited="Bu mesaj düzenlendi",
        attached="eklendi|ekli|ek",
        files="dosya ekli",
        calls="Cevapsız sesli arama|Cevapsız görüntülü arama",
        notices="Mesajlar ve aramalar uçtan uca şifrelidir|Mesajlarınız artık uçtan uca",
        verbs=" oluşturdu| ekledi| ayrıldı| değiştirdi| çıkardı",
        you="Siz",
        polls="ANKET",
    ),
    "Hindi": Wording(
        media="मीडिया के बिना|मीडिया छोड़ा गया|मीडिया हटाया गया|मीडिया शामिल नहीं किया गया|"
        "photo: फ़ोटो हटाई गई|photo: इमेज छोड़ी गई|video: वीडियो छोड़ा गया|"
        "video: वीडियो हटाया गया|audio: ऑडियो हटाई गयी|audio: ऑडियो हटाया गया|"
        "audio: ऑडियो छोड़ा गया|sticker: स्टिकर छोड़ा गया|sticker: स्टिकर हटाया गया|"
        "animation: GIF छोड़ा गया|animation: GIF हटाया गया|document: डॉक्यूमेंट छोड़ा गया|"
        "document: डॉक्यूमेंट हटाया गया|contact: कॉन्टैक्ट कार्ड छोड़ा गया|"
        "contact: कॉन्टैक्ट कार्ड हटाया गया|location: लाइव स्थान साझा किया गया",
        deleted="यह मैसेज डिलीट कर दिया गया है|यह मैसेज डिलीट कर दिया गया|"
        "यह मैसेज डिलीट किया गया|यह संदेश मिटाया गया|आपने यह मैसेज डिलीट किया|"
        "आपने यह संदेश मिटाया|आपने इस मैसेज को डिलीट कर दिया",
        edited="यह मैसेज एडिट किया गया|यह मैसेज एडिट किया गया है|यह मैसेज एडिट किया गया था|"
        "इस मैसेज में बदलाव किया गया|इस मैसेज में बदलाव किया गया है|इस मैसेज को एडिट किया गया",
        attached="अटैच किया गया|संलग्न",
        files="फ़ाइल अटैच कर दी गई है|फाइल अटैच कर दी गई है|फाइल संलग्न|फ़ाइल संलग्न|फ़ाइल अटैच की गई",
        calls="वॉइस कॉल मिस हुई|मिस्ड वॉइस कॉल|मिस्ड वीडियो कॉल|वीडियो कॉल मिस हुई|मिस्ड ग्रुप|छूटी हुई",
        notices="मैसेजेस और कॉल्स एंड-टू-एंड|मैसेज और कॉल एंड-टू-एंड|"
        "आपके द्वारा भेजे हुए सन्देश|मैसेज और कॉल्स एंड-टू-एंड|इस मैसेज का इंतज़ार",
        verbs=" ने |को जोड़ा| जुड़| छोड़",
        you="आपने|आप",
        polls="पोल|पोल करें",
    ),
    "Indonesian": Wording(
        media="Media tidak disertakan|Media disertakan tidak|photo: gambar tidak disertakan|"
        "video: video tidak disertakan|audio: audio tidak disertakan|"
        "sticker: stiker tidak disertakan|animation: GIF tidak disertakan|"
        "document: dokumen tidak disertakan|contact: kartu kontak tidak disertakan|"
        "location: lokasi terkini dibagikan|voice: pesan suara tidak disertakan|"
        "video_note: catatan video tidak disertakan",
        deleted="Pesan ini dihapus|Pesan ini telah dihapus|Anda menghapus pesan ini|"
        "Anda telah menghapus pesan ini|Pesan ini telah dihapus oleh admin",
        edited="Pesan ini diedit|Pesan ini telah diedit",
        attached="terlampir|lampiran",
        files="file terlampir|berkas terlampir",
        calls="Panggilan suara tak terjawab|Panggilan video tak terjawab|Tak Terjawab|"
        "Panggilan grup tak",
        notices="Pesan dan panggilan terenkripsi secara|Pesan dan panggilan dienkripsi|"
        "Pesan-pesan dan panggilan Anda|Kode keamanan Anda dengan|Menunggu pesan ini",
        verbs=" membuat | menambahkan| mengubah | keluar| mengeluarkan| bergabung| mengganti",
        you="Anda",
        polls="POLLING|JAJAK PENDAPAT",
    ),
    "Thai": Wording(
        media="สื่อถูกลบ|ไม่รวมสื่อ|ละเว้นสื่อ|ไม่ได้แนบไฟล์มีเดีย|ไม่มีสื่อ|photo: ไม่มีรูปภาพ|"
        "photo: ละเว้นรูปภาพ|photo: รูปภาพถูกลบ|video: วิดีโอถูกลบ|video: ไม่มีวิดีโอ|"
        "video: ละเว้นวิดีโอ|audio: ไม่มีไฟล์เสียง|audio: ละเว้นเสียง|sticker: ไม่มีสติกเกอร์|"
        "sticker: ละเว้นสติกเกอร์|animation: ละเว้น GIF|animation: ไม่มี GIF|"
        "document: ละเว้นเอกสาร|document: ไม่มีเอกสาร|contact: บัตรรายชื่อที่ละเว้น|"
        "location: ตำแหน่งปัจจุบันถูกแบ่งปัน",
        deleted="ข้อความนี้ถูกลบแล้ว|ข้อความนี้ได้ถูกลบ|ข้อความนี้ถูกลบ|คุณได้ลบข้อความนี้|คุณลบข้อความนี้|"
        "คุณลบข้อความนี้แล้ว|คุณได้ลบข้อความนี้แล้ว",
        edited="ข้อความนี้ถูกแก้ไข|ข้อความนี้ถูกแก้ไขแล้ว|แก้ไขข้อความนี้แล้ว|ข้อความนี้ได้รับการแก้ไข|"
        "ข้อความนี้ได้รับการแก้ไขแล้ว",
        attached="แนบ|ไฟล์แนบ|แนบแล้ว",
        files="ไฟล์ที่แนบ|แนบไฟล์แล้ว|ไฟล์แนบ",
        calls="สายที่ไม่ได้รับ|วิดีโอคอลที่ไม่ได้รับ|สายโทรวิดีโอที่ไม่ได้รับ|สายสนทนาที่ไม่ได้รับ",
        notices="ข้อความและการโทรได้รับการเข้ารหัส|ข้อความที่คุณส่งถึงแชทและการโทรนี้|"
        "ข้อความและการโทรถูกเข้ารหัส|ข้อความและการโทรมีการเข้ารหัส|รหัสความปลอดภัยของคุณกับ|"
        "กำลังรอข้อความนี้",
        verbs="ได้สร้าง|ได้เพิ่ม|ได้เปลี่ยน|ออกจาก|สร้างกลุ่ม|เพิ่ม|เข้าร่วม",
        you="คุณ",
        polls="โพล",
    ),
    "Vietnamese": Wording(
        media="Bỏ qua Media|Bỏ qua phương tiện|Không có file phương tiện|"
        "Đã bỏ qua file phương tiện|đã bỏ qua phương tiện|photo: đã bỏ qua hình ảnh|"
        "photo: bỏ qua hình ảnh|video: đã bỏ video|video: đã bỏ qua video|"
        "audio: bỏ qua tệp âm thanh|audio: đã bỏ qua âm thanh|sticker: đã bỏ sticker|"
        "sticker: đã bỏ qua nhãn dán|animation: đã bỏ qua ảnh GIF|"
        "document: đã bỏ qua tài liệu|contact: bỏ qua thẻ liên lạc|"
        "location: vị trí hiện thời được chia sẻ",
        deleted="Tin nhắn này đã bị xóa|Tin nhắn này đã bị xoá|Bạn đã xóa tin nhắn này|"
        "Bạn đã xoá tin nhắn này|Tin nhắn này đã được xóa",
        edited="Tin nhắn này đã được chỉnh sửa|Tin nhắn này đã chỉnh sửa|"
        "Đã chỉnh sửa tin nhắn này|Tin nhắn này đã được sửa|Tin nhắn đã được chỉnh sửa|"
        "Tin nhắn này đã bị chỉnh sửa",
        attached="đính kèm|đã đính kèm|tệp đính kèm",
        files="tệp đính kèm|file đính kèm|tập tin đính kèm",
        calls="Cuộc gọi nhỡ|Cuộc gọi thoại nhỡ|Cuộc gọi video nhỡ|Nhỡ cuộc gọi",
        notices="Tin nhắn và cuộc gọi được mã hóa|Tin nhắn và cuộc gọi được mã hoá|"
        "Những tin nhắn và những cuộc gọi|Các tin nhắn và cuộc gọi|Mã bảo mật của bạn với|"
        "Đang chờ tin nhắn này",
        verbs=" đã tạo | đã thêm | đã thay đổi| đã đổi| đã rời| đã xóa | đã xoá | đã tham gia",
        you="Bạn",
        polls="BÌNH CHỌN|CUỘC THĂM DÒ",
    ),
    "Japanese": Wording(
        media="メディアは含まれていません|メディアなし|メディア省略|メディアを省略|"
        "photo: 画像は含まれていません|photo: 画像を省略|photo: 画像が省略されました|"
        "video: ビデオは含まれていません|video: 動画は含まれていません|video: 動画を省略|"
        "audio: 音声は含まれていません|audio: 音声を省略|sticker: スタンプは含まれていません|"
        "animation: GIFは含まれていません|animation: GIF は含まれていません|"
        "document: ドキュメントは含まれていません|contact: 連絡先カードを省略|"
        "contact: 連絡先カードは含まれていません|location: ライブロケーション共有|"
        "video_note: ビデオメッセージは含まれていません",
        deleted="このメッセージは削除されました|このメッセージは削除されました。|"
        "このメッセージを削除しました|このメッセージを削除しました。|"
        "あなたはこのメッセージを削除しました",
        edited="このメッセージは編集されました|このメッセージは編集されました。|"
        "このメッセージは編集済みです|編集済み|メッセージは編集されました|"
        "このメッセージは編集済み",
        attached="添付ファイル|添付",
        files="添付ファイル有り|添付ファイルあり|ファイル添付|添付ファイル",
        calls="音声通話不在着信|ビデオ通話不在着信|不在着信|グループ通話不在着信",
        notices="メッセージと通話はエンドツーエンド|メッセージと通話は、エンドツーエンド|"
        "このチャットのメッセージと通話|このメッセージを待っています",
        verbs="が作成|を作成|が追加|を追加|を変更|が退出|が参加|を削除",
        you="あなた",
        polls="アンケート|投票",
    ),
    "Chinese": Wording(
        media="忽略多媒體檔|省略多媒体文件|省略多媒體檔|媒体已省略|媒體已省略|"
        "已省略媒体文件|已省略多媒體檔案|photo: 圖片已略去|photo: 圖像已省略|"
        "photo: 圖片已省略|photo: 照片已忽略|photo: 图片已忽略|photo: 图片已省略|"
        "video: 影片已略去|video: 影片已省略|video: 视频已忽略|video: 视频已省略|"
        "audio: 音訊已略去|audio: 音訊已省略|audio: 音频已忽略|audio: 音频已省略|"
        "sticker: 貼圖已略去|sticker: 貼圖已忽略|sticker: 贴图已省略|sticker: 貼圖已省略|"
        "sticker: 贴图已忽略|animation: GIF 已略去|animation: GIF 圖片已被省略|"
        "animation: GIF 动态图已被忽略|animation: GIF 已省略|document: 文件已略去|"
        "document: 文件已忽略|document: 文档已省略|document: 文件已省略|"
        "contact: 聯絡人卡片已略去|contact: 聯絡人卡片已省略|contact: 联系人卡片已忽略|"
        "location: 共享实时位置|location: 實時位置已分享|video_note: 視訊訊息已略去|"
        "voice: 语音消息已忽略",
        deleted="此訊息已刪除|此訊息已被刪除|这条消息已被删除|消息已删除|信息已删除|"
        "此消息已删除|此消息已被删除|您已刪除此訊息|你已刪除此訊息|您已删除这条消息|"
        "你已删除这条消息|您删除这个信息|你删除了这条消息|您删除了这条消息",
        edited="此訊息已編輯|此訊息已經過編輯|这条消息已经过编辑|这条消息已被编辑|"
        "此消息已编辑|此消息已被编辑|消息已编辑|訊息已編輯|此訊息已被編輯|已編輯|已编辑",
        attached="附件",
        files="附件檔案|文件附件|檔案附件|附件文件",
        calls="未接語音通話|未接语音通话|未接視像通話|未接视频通话|未接視訊通話|未接群組",
        notices="訊息和通話經端對端加密|訊息和通話皆受端對端|訊息與通話|訊息已受端對端加密|"
        "消息和通话都进行端到端加密|消息和通话均已进行端到端加密|消息和通话已进行端到端加密|"
        "您傳送的訊息和通話|您发送的信息和通话|正在等待此訊息|正在等待这条消息|等待此消息",
        verbs="建立了|创建了|加入了|添加了|已將|已将|更改了|變更了|退出了|已離開|离开了|移除了",
        you="您|你",
        polls="投票|民意調查|民意调查",
    ),
    "Korean": Wording(
        media="미디어 파일을 생략한 대화내용|미디어 생략됨|photo: 이미지 생략됨|"
        "photo: 사진 생략됨|video: 비디오 생략됨|video: 동영상 생략됨|audio: 오디오 생략됨|"
        "sticker: 스티커 제외됨|animation: GIF 생략됨|document: 문서 생략됨|"
        "contact: 연락처 카드 생략됨",
        deleted="이 메시지는 삭제되었습니다|삭제한 메시지입니다|이 메시지를 삭제했습니다",
        edited="이 메시지는 수정되었습니다|편집된 메시지입니다",
        attached="첨부됨",
        files="파일 첨부됨",
        calls="부재중 전화|부재중 영상통화",
        notices="메시지 및 전화는 종단간|메시지와 통화는 종단간",
        polls="투표",
    ),
}
