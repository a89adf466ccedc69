"""Words of the sample, in many scripts, and texts that break careless tools."""

# Combining marks, astral characters, right-to-left text, line ends of every kind, and what CSV,
# COPY, SQL and shells give a meaning to.
AWKWARD = [
    "", " ", "  blanks before and after  ", "comma, and \"quotes\"", "\"", "\\.", "\\N", "NULL",
    "null", "line\nfeed", "carriage\rreturn", "both\r\nline ends\r\n", "tab\tstop", "back\\slash",
    "it's; DROP TABLE track; --", "50 % off $HOME {0} %s", "0", "-", "'", ",", "\n",
    "é e\u0301 combining", "Ω Ὀρφεύς, ἐπὶ λύρᾳ", "Дом, который \"построил\" Джек",
    "音楽、そして「静寂」", "한국어 노래", "موسيقى، «عربية»", "עברית \"ומרכאות\"", "हिन्दी गीत",
    "👩‍🎤 🎸 🇯🇵", "𝄞 clef and 𠮷", "zero\u200bwidth", "no\u00a0break", "ﬁ ligature", "Straße STRASSE",
    "İstanbul ıslık", "soft\u00adhyphen", "\ufeffbyte order mark",
    "A long remark about a session that went on and on. " * 7,
]

REVIEWS = [
    "Great record, even on the third listen.", "Not my thing.", "Sehr schön, läuft täglich.",
    "Отличный звук, рекомендую!", "最高の一枚です。", "Αριστούργημα!", "رائع جدا", "¡Qué ritmo!",
    "Good songs,\nbad mix:\n- too loud\n- too long", "He said: \"play it again\", so I did.", "👍👍👍",
]

LYRICS = [
    ("en", "Down by the river, the water runs slow,\nnobody told me, but how would they know\n"),
    ("de", "Über den Dächern, da wohnt noch ein Licht,\r\nich seh es von weitem, du siehst es nicht\r\n"),
    ("ru", "За окном снова дождь, и опять тишина,\nна столе остывает бокал без вина\n"),
    ("ja", "夜の海に浮かぶ月\n誰もいない駅のホーム\n"),
    ("ar", "يا ليل يا عين\nخذني إلى البحر\n"),
    ("el", "Στην άκρη του κόσμου, μια μικρή βροχή,\nγράφει το όνομά σου στη σιωπή\n"),
    ("he", "לילה על הים, ואור קטן\nשיר ישן שאין לו זמן\n"),
]

TITLE_STARTS = [
    "Songs of", "Beyond", "The Art of", "Nights in", "Ballad of", "Return to", "Before the", "Después de",
    "Über", "Песни о", "Τραγούδια για", "永遠の", "Chansons d'", "Letters from", "No More", "Live at",
    "Echoes of", "Fragmente:", "Après", "Sagan om",
]

TITLE_ENDS = [
    "Rivers", "Glass", "Winter", "Zürich", "Tokyo, 1979", "the \"Blue\" Hour", "Любви", "Αθήνα", "東京",
    "São Paulo", "Électricité", "Smoke & Mirrors", "Nowhere", "Ångström", "Sommer", "the Sea", "Kyiv",
    "Salt", "Ashes", "Pixels", "Łódź", "قاهرة", "Memory", "Cafe\u0301", "Silence", "Thunder", "Gardens", "Iron",
    "Paper", "1984", "Vega", "Orbit",
]

ARTIST_NAMES = [
    "Café Tacvba", "Мумий Тролль", "久石譲", "Βασίλης Τσιτσάνης", "أم كلثوم", "Sigur Rós", "Motörhead",
    "Ночные Снайперы", "宇多田ヒカル", "Ásgeir", "Blue Öyster Cult", "עידן רייכל", "방탄소년단", "The The",
    "!!!", "AC/DC", "Guns N' Roses", "Tyler, The Creator", "\"Weird Al\" Yankovic", "deadmau5", "Ke$ha",
    "Dvořák Quartet", "Nguyễn Ánh", "लता मंगेशकर", "🎷 Ensemble", "Ou\u0308 Trio",
]

GIVEN_NAMES = [
    "Anna", "José", "Zoë", "Иван", "Мария", "Γιώργος", "太郎", "花子", "محمد", "فاطمة", "Søren", "Łukasz",
    "Chloé", "Jürgen", "O'Neal", "Mary Jane", "Ngọc", "Ayşe", "Pål", "Renée", "Björn", "דוד", "지민", "Li",
]

FAMILY_NAMES = [
    "Müller", "García", "O'Brien", "Иванова", "Παπαδόπουλος", "山田", "الحسن", "Nowak", "Šimková", "de la Cruz",
    "Smith", "Jones, Jr.", "Østergård", "Çelik", "Nguyễn", "D'Angelo", "Kowalska", "Andersson", "Lefèvre", "כהן",
    "김", "Van den Berg", "Smith-Jones", "Ó Súilleabháin",
]

LABEL_NAMES = [
    "Harbour Records", "Neon, Light & Sound", "Мелодия", "東芝レコード", "Λύρα", "نغم", "Schallwelle", "Discos del Sur",
    "Étoile Noire", "4AM", "Tape/Loop", "Nordlys", "Polska Muza", "Ljóð", "Blue \"Note\" Book", "Kalinka", "Tundra",
    "Red Barn", "Paper Crane", "Quiet Room", "Ember", "Halo", "Iron Gate", "Juniper", "Kite", "Lantern", "Meridian",
    "Northbound", "Orchard", "Pinewood", "Quartz", "Riverbed", "Saffron", "Timber", "Ultramarine", "Violet Hour",
    "Willow", "Xylem", "Yonder", "Zenith", "Amber Sub", "Basement 12", "Cobalt", "Delta Sound", "Eastern Block",
    "Fjord", "Granite", "Hinterhof", "Isar", "Jetty",
]

CURRENCIES = [
    ("BRL", "Brazilian real", "R$", 2), ("CHF", "Swiss franc", None, 2), ("CZK", "Koruna", "Kč", 2),
    ("EUR", "Euro", "€", 2), ("GBP", "Pound sterling", "£", 2), ("ILS", "Shekel", "₪", 2),
    ("INR", "Rupee", "₹", 2), ("JPY", "Yen", "¥", 0), ("KRW", "Won", "₩", 0), ("KWD", "Kuwaiti dinar", "د.ك", 3),
    ("PLN", "Złoty", "zł", 2), ("RUB", "Rouble", "₽", 2), ("TRY", "Lira", "₺", 2), ("USD", "US dollar", "$", 2),
]

COUNTRIES = [
    ("AR", "Argentina", None, None, 2100), ("BR", "Brazil", "Brasil", "BRL", 1700),
    ("CH", "Switzerland", "Schweiz, Suisse, Svizzera", "CHF", 810), ("CI", "Ivory Coast", "Côte d'Ivoire", None, 1800),
    ("CZ", "Czechia", "Česko", "CZK", 2100), ("DE", "Germany", "Deutschland", "EUR", 1900),
    ("EG", "Egypt", "مصر", None, 1400), ("ES", "Spain", "España", "EUR", 2100), ("FR", "France", None, "EUR", 2000),
    ("GB", "United Kingdom", None, "GBP", 2000), ("GR", "Greece", "Ελλάδα", "EUR", 2400),
    ("IL", "Israel", "ישראל", "ILS", 1700), ("IN", "India", "भारत", "INR", 1800),
    ("IS", "Iceland", "Ísland", None, 2400), ("JP", "Japan", "日本", "JPY", 1000),
    ("KR", "South Korea", "대한민국", "KRW", 1000), ("KW", "Kuwait", "الكويت", "KWD", 0),
    ("PL", "Poland", "Polska", "PLN", 2300), ("RU", "Russia", "Россия", "RUB", 2000),
    ("TR", "Turkey", "Türkiye", "TRY", 2000), ("UA", "Ukraine", "Україна", None, 2000),
    ("US", "United States", "", "USD", 0), ("VN", "Vietnam", "Việt Nam", None, 1000),
]

LANGUAGES = [
    ("ar", "Arabic", "العربية", True), ("cs", "Czech", "čeština", False), ("de", "German", "Deutsch", False),
    ("el", "Greek", "ελληνικά", False), ("en", "English", "English", False), ("es", "Spanish", "español", False),
    ("fr", "French", "français", False), ("he", "Hebrew", "עברית", True), ("hi", "Hindi", "हिन्दी", False),
    ("is", "Icelandic", "íslenska", False), ("ja", "Japanese", "日本語", False), ("ko", "Korean", "한국어", False),
    ("pl", "Polish", "polski", False), ("ru", "Russian", "русский", False), ("sr-Latn-RS", "Serbian", None, False),
    ("tr", "Turkish", "Türkçe", False), ("vi", "Vietnamese", "Tiếng Việt", False), ("zxx", "no words", None, False),
]

ROLES = [
    "composer", "lyricist", "arranger", "producer", "mixing engineer", "mastering engineer", "vocals",
    "backing vocals", "conductor", "remixer", "sleeve design", "photography",
]

# The first of each pair is the parent's place in this list.
GENRES = [
    (None, "Rock"), (None, "Jazz"), (None, "Electronic"), (None, "Classical"), (None, "Folk"), (None, "Hip hop"),
    (0, "Punk"), (0, "Metal"), (0, "Indie, lo-fi"), (6, "Post-punk"), (7, "Doom"), (1, "Bebop"), (1, "Free jazz"),
    (2, "Techno"), (2, "House"), (13, "Minimal"), (14, "Deep house"), (3, "Opera"), (3, "Chamber"), (17, "Zarzuela"),
    (4, "Ρεμπέτικο"), (4, "Шансон"), (4, "演歌"), (4, "Fado"), (5, "Boom bap"), (5, "Trap"), (2, "Drum & bass"),
    (2, "\"Intelligent\" dance music"), (4, "Séga"), (20, "Λαϊκό"),
]

MOODS = [
    "happy", "sad", "angry", "calm", "dreamy", "Fernweh", "saudade", "тоска", "侘寂", "restless", "proud", "tender",
]

INSTRUMENTS = [
    ("guitar", "strings"), ("bass guitar", "strings"), ("violin", "strings"), ("cello", "strings"),
    ("三味線", "strings"), ("بزق", "strings"), ("μπουζούκι", "strings"), ("балалайка", "strings"), ("oud", "strings"),
    ("piano", "keys"), ("harpsichord", "keys"), ("synthesizer", "keys"), ("Hammond organ", "keys"), ("drums", "percussion"),
    ("congas", "percussion"), ("triangle", "percussion"), ("太鼓", "percussion"), ("trumpet", "brass"), ("tuba", "brass"),
    ("flute", "woodwind"), ("cor anglais", "woodwind"), ("saxophone", "woodwind"), ("voice", None), ("theremin", None),
    ("tape, scissors & glue", None),
]

STUDIOS = [
    ("Abbey Lane", "GB"), ("Hansa, Berlin", "DE"), ("Студия \"Союз\"", "RU"), ("スタジオ・グリーン", "JP"), ("Estúdio 13", "BR"),
    ("The Shed", None), ("Sundlaugin", "IS"), ("Στούντιο Ήχος", "GR"), ("استوديو النيل", "EG"), ("Muscle Shore", "US"),
    ("Tōkyō Room B", "JP"), ("Polyfon", "CH"), ("La Cave", "FR"), ("Sala 2", "ES"), ("Łąka", "PL"),
    ("Basement of a friend", None), ("Kuwait Sound", "KW"), ("Seoul One", "KR"), ("Studio Ž", "CZ"),
]
