"""The words that the arranger knows, in English, German, French, Spanish, Italian, Portuguese, Russian, Chinese and
Japanese: beginnings of words in lower case, whole words where a beginning would say too little.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mood:
    """What a mood does: how likely minor is (None leaves it to the genre), how fast and how full it is, 0 to 1."""

    minor: float | None
    pace: float
    energy: float
    genre: str  #: where the prompt names none


MOODS: dict[str, Mood] = {
    "happy": Mood(0.0, 0.75, 0.75, "pop"),
    "sad": Mood(1.0, 0.15, 0.4, "piano"),
    "calm": Mood(0.35, 0.15, 0.3, "ambient"),
    "epic": Mood(0.85, 0.6, 1.0, "orchestral"),
    "dark": Mood(1.0, 0.35, 0.6, "orchestral"),
    "energetic": Mood(None, 0.95, 1.0, "electronic"),
    "romantic": Mood(0.3, 0.25, 0.45, "classical"),
    "mysterious": Mood(1.0, 0.3, 0.45, "ambient"),
    "dreamy": Mood(0.3, 0.2, 0.4, "ambient"),
    "playful": Mood(0.0, 0.8, 0.65, "chiptune"),
    "nostalgic": Mood(0.5, 0.3, 0.45, "lo-fi"),
    "heroic": Mood(0.1, 0.6, 0.95, "orchestral"),
    "slow": Mood(None, 0.0, 0.45, "ambient"),
    "fast": Mood(None, 1.0, 0.9, "electronic"),
}

_GENRES = {
    "pop": "pop|попс|поп-|流行|ポップ",
    "rock": "rock|рок|摇滚|ロック",
    "metal": "metal|металл|金属乐|メタル",
    "blues": "blues|блюз|蓝调|布鲁斯|ブルース",
    "jazz": "jazz|джаз|爵士|ジャズ|swing",
    "bossa nova": "bossa|босса|ボサノバ|samba",
    "classical": "classical|klassi|classique|clásica|classica|clássica|baroque|barock|barroc|mozart|классич|古典|"
    "クラシック|string quartet|chamber",
    "piano": "piano solo|solo piano|piano piece|klaviermusik|piano ballad",
    "orchestral": "orchestr|orquest|оркестр|管弦|オーケストラ|symphon|sinfon|cinematic|film score|filmmusik|soundtrack|"
    "trailer|кино|电影|映画",
    "ambient": "ambient|эмбиент|氛围|アンビエント|meditat|medita|медитац|冥想|瞑想|drone|spa ",
    "electronic": "electronic|elektroni|électroni|electróni|elettroni|eletrôni|электрон|电子|エレクトロ|edm|house|"
    "trance|dance|dubstep|танцевал",
    "techno": "techno|техно|テクノ|rave",
    "synthwave": "synthwave|retrowave|outrun|80s|eighties|vaporwave|シンセウェーブ",
    "lo-fi": "lo-fi|lofi|lo fi|chillhop|ローファイ|study beat",
    "hip-hop": "hip-hop|hip hop|hiphop|хип-хоп|嘻哈|ヒップホップ|boom bap|rap",
    "trap": "trap|трэп",
    "funk": "funk|фанк|ファンク|soul|groovy",
    "disco": "disco|диско|ディスコ",
    "reggae": "reggae|регги|雷鬼|レゲエ|dub |ska ",
    "latin": "latin|salsa|латино|拉丁|ラテン|mambo|cumbia|rumba|tango|танго",
    "folk": "folk|volksmusik|acoustic|akustik|acoust|acústic|фолк|народн|民谣|フォーク|campfire|singer-songwriter",
    "celtic": "celtic|keltisch|celtique|celta|irish|irland|кельт|ирланд|凯尔特|ケルト|medieval|mittelalter|tavern",
    "country": "country|кантри|乡村音乐|カントリー|bluegrass|western",
    "waltz": "waltz|walzer|valse|vals|valzer|вальс|华尔兹|圆舞曲|ワルツ",
    "lullaby": "lullab|wiegenlied|schlaflied|berceuse|canción de cuna|ninna nanna|колыбельн|摇篮曲|子守唄|music box",
    "march": "march|marsch|marche|marcha|marcia|марш|进行曲|行進曲|military",
    "chiptune": "chiptune|8-bit|8 bit|8bit|chip |video game|videospiel|jeu vidéo|videojueg|видеоигр|游戏|ゲーム|arcade",
    "east asian": "chinese|japanese|chinesisch|japanisch|chinois|japonais|китайск|японск|中国风|和風|oriental|zen ",
}
_MOODS = {
    "happy": "happy|joy|cheer|upbeat|sunny|bright|fröhlich|heiter|glücklich|joyeu|gai|heureu|alegre|feliz|allegr|felic|"
    "весёл|весел|радост|счастлив|快乐|欢快|开心|楽しい|明るい|嬉しい",
    "sad": "sad|melanch|sorrow|tear|lonely|traurig|wehmüt|triste|mélanc|melanc|malincon|груст|печал|тоск|悲伤|忧伤|"
    "悲しい|切ない",
    "calm": "calm|peace|relax|gentle|quiet|soft|serene|sleep|soothing|ruhig|sanft|entspann|friedlich|calme|doux|douce|"
    "paisible|tranquil|suave|relaj|calmo|rilass|спокой|тих|нежн|расслаб|平静|安静|轻柔|放松|穏やか|静か|優しい",
    "epic": "epic|epos|grand|majest|battle|powerful|episch|gewaltig|épique|épic|epico|эпич|героич|史诗|宏大|壮大|戦い",
    "dark": "dark|grim|sinister|horror|scary|ominous|tense|düster|unheimlich|gruselig|sombre|effrayant|oscur|tenebr|"
    "cupo|мрачн|тёмн|темн|страшн|黑暗|恐怖|阴暗|暗い|怖い",
    "energetic": "energ|driving|power|intense|workout|party|hype|treibend|énerg|enérg|intens|энерг|драйв|动感|激烈|"
    "激しい|元気",
    "romantic": "romant|love|tender|liebe|amour|amor|amore|романт|любов|浪漫|爱情|ロマンチック|恋",
    "mysterious": "myster|enigma|eerie|geheimnis|mystér|mister|загадоч|таинств|神秘|ミステリアス|不思議",
    "dreamy": "dream|ethereal|floating|space|spacy|träum|verträumt|rêv|onír|sueñ|sogn|sonh|мечта|сонн|космич|梦幻|空灵|"
    "夢|幻想",
    "playful": "playful|funny|quirky|silly|comic|verspielt|lustig|drôle|ludique|divertid|gioco|buff|игрив|смешн|забавн|"
    "俏皮|滑稽|可爱|遊び|かわいい",
    "nostalgic": "nostalg|retro|vintage|rainy|chill|cozy|cosy|gemütlich|ностальг|уютн|怀旧|惬意|懐かしい",
    "heroic": "hero|triumph|victor|adventur|brave|held|siegreich|abenteuer|héro|aventur|heroi|eroic|avventur|побед|"
    "приключ|英雄|胜利|冒险|勇者|冒険",
    "slow": "slow|langsam|lent|lento|devagar|медлен|慢|ゆっくり",
    "fast": "fast|quick|rapid|schnell|rapide|rápid|veloce|быстр|快速|速い",
}
_LEAD, _BACK = ("melody", "comp", "second"), ("comp", "melody", "pad")
_INSTRUMENTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "piano|klavier|pianoforte|фортепиан|пианин|рояль|钢琴|ピアノ": (0, _BACK),
    "electric piano|e-piano|rhodes|wurlitzer": (4, _BACK),
    "harpsichord|cembalo|clavecin|clavec|clavicembalo|клавесин|大键琴|チェンバロ": (6, _BACK),
    "celesta|челест": (8, _LEAD),
    "glockenspiel|колокольчик": (9, _LEAD),
    "music box|spieluhr|boîte à musique|caja de música|八音盒|オルゴール": (10, _LEAD),
    "vibraphon|vibráfon|вибрафон": (11, _LEAD),
    "marimba|маримб": (12, _LEAD),
    "xylophon|xilófon|xilofon|ксилофон|木琴": (13, _LEAD),
    "bells|glocken|cloches|campanas|campane|колокол|钟声": (14, ("second", "melody")),
    "organ|orgel|orgue|órgano|organo|órgão|орган|管风琴|オルガン": (19, ("comp", "pad", "melody")),
    "accordion|akkordeon|accordéon|acordeón|fisarmonica|acordeão|аккордеон|手风琴|アコーディオン": (
        21,
        _LEAD,
    ),
    "harmonica|mundharmonika|armónica|armonica|губная гармон|口琴|ハーモニカ": (22, _LEAD),
    "guitar|gitarre|guitare|chitarra|guitarra|violão|гитар|吉他|ギター": (25, _BACK),
    "classical guitar|nylon guitar|spanish guitar|flamenco|ukulele|укулеле|ウクレレ": (24, _BACK),
    "electric guitar|e-gitarre|guitare électrique|guitarra eléctrica|электрогитар|电吉他|エレキギター": (
        29,
        _LEAD,
    ),
    "violin|geige|violon|violín|violino|скрипк|小提琴|バイオリン": (40, _LEAD),
    "viola|bratsche|альт ": (41, ("second", "melody")),
    "cello|violoncel|виолончел|大提琴|チェロ": (42, ("melody", "second", "bass")),
    "strings|streicher|cordes|cuerdas|archi|cordas|струнн|弦乐|ストリングス": (48, ("comp", "pad", "second")),
    "harp|harfe|harpe|arpa|арф|竖琴|ハープ": (46, _BACK),
    "choir|chor |chœur|coro|хор |合唱|合唱団": (52, ("pad", "second")),
    "trumpet|trompet|tromba|труб|小号|トランペット": (56, _LEAD),
    "trombon|тромбон|长号|トロンボーン": (57, ("second", "melody")),
    "french horn|waldhorn|валторн|圆号|ホルン": (60, _LEAD),
    "brass|bläser|cuivres|metales|ottoni|metais|медн|铜管|ブラス": (61, ("second", "comp")),
    "saxophon|sax|saxofon|saxofón|sassofono|саксофон|萨克斯|サックス": (65, _LEAD),
    "oboe|hautbois|гобо|双簧管|オーボエ": (68, _LEAD),
    "bassoon|fagott|basson|фагот|巴松": (70, ("second", "melody")),
    "clarinet|klarinette|clarinette|clarinete|кларнет|单簧管|クラリネット": (71, _LEAD),
    "flute|flöte|flûte|flauta|flauto|флейт|长笛|フルート": (73, _LEAD),
    "pan flute|panflöte|flûte de pan|zampoña|排箫": (75, _LEAD),
    "whistl|pfeif|siffl|silb|свист|口哨": (78, _LEAD),
    "synth|synthesi|sintetizador|синтезатор|合成器|シンセ": (81, ("melody", "comp", "pad")),
    "sitar|ситар|西塔琴|シタール": (104, _LEAD),
    "banjo|банджо|班卓琴|バンジョー": (105, _BACK),
    "koto|guzheng|古筝|琴": (107, _BACK),
    "shakuhachi|尺八|bamboo flute": (77, _LEAD),
    "kalimba|калимб|拇指琴|カリンバ": (108, _LEAD),
    "bagpipe|dudelsack|cornemuse|gaita|cornamusa|волынк|风笛|バグパイプ": (109, _LEAD),
    "fiddle|fidel": (110, _LEAD),
    "steel drum|steelpan": (114, _LEAD),
    "double bass|kontrabass|contrebasse|contrabajo|contrabbasso|контрабас|低音提琴|コントラバス": (
        32,
        ("bass",),
    ),
    "slap bass": (36, ("bass",)),
    "synth bass|synthbass": (38, ("bass",)),
}
#: The style of a prompt that names an instrument and nothing else.
GENRE_OF_PROGRAM = {
    0: "piano", 4: "lo-fi", 6: "classical", 8: "lullaby", 10: "lullaby", 19: "classical", 21: "waltz", 22: "blues",
    24: "bossa nova", 25: "folk", 29: "rock", 40: "classical", 42: "classical", 46: "lullaby", 48: "classical",
    52: "orchestral", 56: "jazz", 60: "orchestral", 61: "funk", 65: "jazz", 68: "classical", 71: "classical",
    73: "folk", 75: "celtic", 77: "east asian", 81: "electronic", 105: "country", 107: "east asian", 109: "celtic",
    110: "celtic", 114: "reggae",
}  # fmt: skip
_PARTS = {
    "drums": "drum|percussion|beat|schlagzeug|trommel|batterie|batería|batteria|bateria|percusión|ударн|барабан|鼓|"
    "ドラム",
    "bass": "bass|basse|bajo|basso|baixo|бас|贝斯|ベース",
    "melody": "melod|lead|lied|мелод|旋律|メロディ",
}


def _spread(table: dict[str, str]) -> dict[str, str]:
    return {word: meaning for meaning, words in table.items() for word in words.split("|")}


GENRE_WORDS = _spread(_GENRES)
MOOD_WORDS = _spread(_MOODS)
PART_WORDS = _spread(_PARTS)
INSTRUMENT_WORDS = {word: meaning for words, meaning in _INSTRUMENTS.items() for word in words.split("|")}
#: What stands before something that is not wanted; in Japanese it stands behind.
WITHOUT = (
    "no",
    "without",
    "ohne",
    "kein",
    "keine",
    "sans",
    "sin",
    "senza",
    "sem",
    "без",
    "没有",
    "不要",
    "无",
)
WITHOUT_BEHIND = ("なし",)
