"""Paragraphs in a script that the language of their document does not use: each has its own language."""

import pytest

from tagger.tagging.languages import Languages
from tagger.text.paragraphs import Paragraph

DOCUMENTS = {
    "german": "Die Kinder spielten im Garten, als ihre Mutter von der Arbeit nach Hause kam.",
    "english": "The children were playing in the garden when their mother came home from work.",
    "french": "Les enfants jouaient dans le jardin quand leur mère est rentrée du travail.",
    "spanish": "Los niños jugaban en el jardín cuando su madre volvió a casa del trabajo.",
    "finnish": "Lapset leikkivät pihalla, kun heidän äitinsä tuli kotiin töistä eilen illalla.",
    "turkish": "Anneleri işten eve geldiğinde çocuklar bahçede oyun oynuyordu ve çok mutluydu.",
    "russian": "Дети играли в саду, когда их мать вернулась домой с работы вчера вечером.",
    "chinese": "昨天晚上妈妈下班回家的时候，孩子们正在花园里玩耍，他们都很高兴。",
    "portuguese": "As crianças brincavam no jardim quando a mãe delas chegou do trabalho em casa.",
    "italian": "I bambini giocavano in giardino quando la madre tornò a casa dal lavoro.",
}
FOREIGN = {
    ("german", "chinese"): [
        "谢谢",
        "你好！",
        "新年快乐",
        "我有 iPhone。",
        "他喜欢 Johann Sebastian Bach。",
        "请在星期五以前给我们回信。",
        "我在 Berlin Alexanderplatz 等你。",
        "会议改到下午三点，请大家准时参加。",
        "昨天晚上下了一场大雨，路上到处都是水，孩子们不能出去玩。",
        "如果您对产品的质量有任何问题，可以随时打电话给我们的客户服务部门。",
    ],
    ("english", "russian"): [
        "Спасибо",
        "Здравствуйте!",
        "Доброе утро",
        "Где вокзал?",
        "Смотрю Netflix Originals.",
        "Мы приедем в пятницу вечером.",
        "Вчера весь день шёл сильный дождь.",
        "Она купила новую книгу и сразу начала её читать.",
        "Если у вас возникнут вопросы, пожалуйста, позвоните нам или напишите письмо.",
        "Дети долго гуляли в парке, а потом вернулись домой и сели ужинать вместе с родителями.",
    ],
    ("french", "greek"): [
        "Ευχαριστώ",
        "Καλημέρα!",
        "Πού είναι;",
        "Γεια σου",
        "Μένω στο Παρίσι.",
        "Το τρένο φεύγει στις οκτώ.",
        "Αγόρασα ένα Samsung Galaxy Ultra.",
        "Χθες έβρεχε όλη μέρα και μείναμε στο σπίτι.",
        "Αν έχετε ερωτήσεις, μπορείτε να μας τηλεφωνήσετε κάθε πρωί.",
        "Η γιαγιά μου γεννήθηκε σε ένα μικρό χωριό κοντά στη θάλασσα και μιλούσε συχνά για εκείνα τα χρόνια.",
    ],
    ("spanish", "hebrew"): [
        "תודה",
        "בוקר טוב",
        "שלום!",
        "איפה התחנה?",
        "אני גר בתל אביב.",
        "קניתי אתמול ספר חדש.",
        "הוא עובד בחברת Microsoft Corporation.",
        "ירד גשם כל היום ונשארנו בבית.",
        "אם יש לכם שאלות, אפשר להתקשר אלינו בכל בוקר.",
        "הילדים שיחקו בגן עד הערב ואחר כך חזרו הביתה לאכול ארוחת ערב עם ההורים שלהם.",
    ],
    ("finnish", "korean"): [
        "감사합니다",
        "안녕",
        "역이 어디예요?",
        "네, 알겠습니다.",
        "저는 서울에 살아요.",
        "어제 새 책을 샀어요.",
        "그는 Helsinki University에서 공부한다.",
        "하루 종일 비가 와서 집에 있었어요.",
        "질문이 있으시면 언제든지 저희에게 전화해 주십시오.",
        "아이들은 저녁까지 공원에서 놀다가 집으로 돌아와 부모님과 함께 밥을 먹었다.",
    ],
    ("turkish", "japanese"): [
        "ありがとう",
        "東京駅",
        "はい、そうです。",
        "駅はどこですか。",
        "私は京都に住んでいます。",
        "昨日、新しい本を買いました。",
        "彼は Toyota Motor Corporation で働いている。",
        "一日中雨が降っていたので、家にいました。",
        "ご質問がございましたら、いつでもお電話ください。",
        "子供たちは夕方まで公園で遊び、それから家に帰って両親と一緒に晩ご飯を食べました。",
    ],
    ("russian", "english"): [
        "Thanks!",
        "info@example.org, Windows 11",
        "Best regards",
        "Terms of use",
        "See you on Friday.",
        "The train leaves at eight.",
        "She bought a new phone.",
        "It rained all day, so we stayed at home and read.",
        "If you have any questions, please call us or write to our office in London.",
        "The children played in the park until the evening and then went home to have dinner with their parents.",
    ],
    ("chinese", "japanese"): [
        "ありがとう",
        "カタカナ",
        "さようなら",
        "駅はどこですか。",
        "東京に行きます。",
        "メールをください。",
        "新しい本を買いました。",
        "私は Johann Sebastian Bach が好きです。",
        "一日中雨が降っていたので、家にいました。",
        "子供たちは夕方まで公園で遊び、それから家に帰って両親と一緒に晩ご飯を食べました。",
    ],
    ("portuguese", "thai"): [
        "ขอบคุณ",
        "สวัสดี",
        "ใช่",
        "สถานีอยู่ที่ไหน",
        "ฉันอยู่ที่กรุงเทพ",
        "เมื่อวานฉันซื้อหนังสือใหม่",
        "เขาทำงานที่ Microsoft Corporation",
        "ฝนตกทั้งวัน เราจึงอยู่บ้าน",
        "ถ้ามีคำถาม กรุณาโทรหาเราได้ทุกวัน",
        "เด็กๆ เล่นในสวนสาธารณะจนถึงเย็น แล้วกลับบ้านไปกินข้าวกับพ่อแม่",
    ],
    ("italian", "persian"): [
        "ممنونم",
        "خداحافظ",
        "صبح بخیر",
        "ایستگاه کجاست؟",
        "من در تهران زندگی می‌کنم.",
        "دیروز یک کتاب تازه خریدم.",
        "او در Los Angeles زندگی می‌کند.",
        "تمام روز باران می‌بارید و ما در خانه ماندیم.",
        "اگر پرسشی دارید، لطفاً با ما تماس بگیرید.",
        "بچه‌ها تا عصر در پارک بازی کردند و بعد به خانه برگشتند و با پدر و مادرشان شام خوردند.",
    ],
}


@pytest.fixture(scope="module")
def every() -> Languages:
    return Languages("cpu")


@pytest.mark.parametrize(("document", "language"), FOREIGN)
def test_a_paragraph_in_another_script_has_its_own_language(every: Languages, document: str, language: str) -> None:
    own = Paragraph(0, " ".join([DOCUMENTS[document]] * 40), True)
    others = [Paragraph(0, text, True) for text in FOREIGN[document, language]]
    first, *found = (part.language for part in every.with_languages([own, *others]))
    assert first == document
    assert {part.text: name for part, name in zip(others, found, strict=True)} == {p.text: language for p in others}
