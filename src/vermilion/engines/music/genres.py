"""What the arranger knows of styles: data, one entry a genre. Degrees count from 1; a bar has 16 steps, or 12."""

from __future__ import annotations

from dataclasses import dataclass, field

Progression = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Genre:
    """A style of music. Progressions give the degree of each bar's chord; `parts` the instrument of each part."""

    name: str
    tempo: tuple[int, int]
    minor: float  #: how likely it is in minor where nothing else is said
    verses: tuple[Progression, ...]
    choruses: tuple[Progression, ...]
    drums: str
    bass: str
    comp: str
    melody: str  #: how busy it is: calm, even, busy
    parts: dict[str, int] = field(default_factory=dict)  #: part → General MIDI program
    kit: int = 0
    swing: float = 0.0  #: how late every second eighth is: 0 even, 1 as in a triplet
    sevenths: bool = False
    beats: int = 4
    human: float = 1.0  #: how loosely it is played
    room: float = 0.25  #: how much of the hall is heard


GENRES: dict[str, Genre] = {
    genre.name: genre
    for genre in (
        Genre("pop", (96, 122), 0.3, ((1, 5, 6, 4), (1, 6, 4, 5)), ((4, 1, 5, 6), (6, 4, 1, 5)), "pop", "eighths",
              "block", "even", {"melody": 80, "comp": 0, "bass": 33, "pad": 89, "second": 48}),
        Genre("rock", (112, 140), 0.45, ((1, 4, 5, 4), (1, 6, 4, 5)), ((1, 5, 6, 4), (6, 4, 1, 5)), "rock", "eighths",
              "strum", "even", {"melody": 29, "comp": 30, "bass": 33, "pad": 16, "second": 27}, kit=16),
        Genre("metal", (140, 172), 1.0, ((1, 1, 6, 7), (1, 6, 7, 1)), ((6, 7, 1, 1), (4, 6, 7, 1)), "metal", "gallop",
              "chug", "busy", {"melody": 30, "comp": 30, "bass": 34, "pad": 48, "second": 29}, kit=16, room=0.2),
        Genre("blues", (76, 104), 0.0, ((1, 1, 1, 1, 4, 4, 1, 1, 5, 4, 1, 5),), ((4, 4, 1, 1, 5, 4, 1, 5),), "shuffle",
              "walk", "comp", "even", {"melody": 26, "comp": 0, "bass": 32, "pad": 16, "second": 22}, kit=8, swing=1.0,
              sevenths=True),
        Genre("jazz", (112, 152), 0.25, ((2, 5, 1, 6), (1, 6, 2, 5)), ((4, 7, 3, 6), (2, 5, 3, 6)), "swing", "walk",
              "comp", "busy", {"melody": 66, "comp": 0, "bass": 32, "pad": 11, "second": 56}, kit=32, swing=0.9,
              sevenths=True),
        Genre("bossa nova", (112, 136), 0.35, ((1, 2, 5, 1), (1, 6, 2, 5)), ((4, 3, 2, 5), (4, 5, 3, 6)), "bossa",
              "bossa", "bossa", "even", {"melody": 73, "comp": 24, "bass": 32, "pad": 11, "second": 66}, kit=40,
              sevenths=True),
        Genre("classical", (84, 116), 0.35, ((1, 5, 1, 4, 1, 2, 5, 1), (1, 6, 4, 5)), ((6, 2, 5, 1), (4, 1, 2, 5)),
              "none", "long", "alberti", "busy", {"melody": 40, "comp": 0, "bass": 42, "pad": 48, "second": 73},
              kit=48, room=0.35),
        Genre("piano", (68, 96), 0.5, ((1, 5, 6, 4), (6, 4, 1, 5)), ((4, 5, 3, 6), (2, 5, 1, 6)), "none", "long",
              "arpeggio", "calm", {"melody": 0, "comp": 0, "bass": 0, "second": 0}, room=0.35),
        Genre("orchestral", (76, 112), 0.7, ((1, 6, 3, 7), (1, 4, 6, 5)), ((6, 7, 1, 1), (4, 6, 1, 5)), "timpani",
              "long", "ostinato", "even", {"melody": 60, "comp": 48, "bass": 43, "pad": 52, "second": 56}, kit=48,
              room=0.45),
        Genre("ambient", (60, 76), 0.5, ((1, 4), (1, 6, 4, 4)), ((6, 4), (4, 1)), "none", "drone", "pad", "calm",
              {"melody": 11, "comp": 89, "bass": 38, "pad": 91, "second": 10}, sevenths=True, room=0.6),
        Genre("electronic", (118, 130), 0.7, ((6, 4, 1, 5), (1, 6, 4, 5)), ((4, 5, 6, 1), (6, 1, 5, 4)), "house",
              "offbeat", "stab", "busy", {"melody": 81, "comp": 90, "bass": 38, "pad": 89, "second": 80}, kit=24,
              human=0.2),
        Genre("techno", (126, 136), 1.0, ((1, 1, 1, 1), (1, 1, 6, 6)), ((1, 7, 6, 6), (4, 4, 1, 1)), "techno",
              "sixteenths", "stab", "busy", {"melody": 81, "comp": 62, "bass": 39, "pad": 95, "second": 80}, kit=25,
              human=0.1),
        Genre("synthwave", (84, 112), 0.9, ((1, 6, 3, 7), (6, 7, 1, 1)), ((6, 3, 7, 1), (4, 6, 7, 1)), "synthwave",
              "eighths", "pad", "even", {"melody": 81, "comp": 90, "bass": 38, "pad": 50, "second": 80}, kit=24,
              human=0.2, room=0.35),
        Genre("lo-fi", (70, 86), 0.5, ((4, 3, 2, 5), (2, 5, 1, 6)), ((4, 5, 3, 6), (1, 4, 2, 5)), "boombap", "lazy",
              "lazy", "calm", {"melody": 11, "comp": 4, "bass": 33, "pad": 89, "second": 26}, kit=8, swing=0.5,
              sevenths=True),
        Genre("hip-hop", (82, 96), 0.8, ((1, 6, 4, 5), (1, 1, 6, 7)), ((6, 7, 1, 1), (4, 1, 6, 5)), "boombap", "lazy",
              "stab", "even", {"melody": 4, "comp": 0, "bass": 38, "pad": 48, "second": 11}, kit=25, swing=0.35),
        Genre("trap", (68, 76), 1.0, ((1, 6, 4, 5), (1, 1, 6, 7)), ((6, 7, 1, 1), (4, 4, 1, 1)), "trap", "sub", "pad",
              "even", {"melody": 10, "comp": 89, "bass": 38, "pad": 52, "second": 46}, kit=25, human=0.3),
        Genre("funk", (98, 114), 0.8, ((1, 1, 4, 4), (1, 4, 1, 5)), ((4, 4, 1, 1), (2, 5, 1, 1)), "funk", "funk",
              "chop", "busy", {"melody": 61, "comp": 28, "bass": 36, "pad": 16, "second": 65}, kit=8, sevenths=True),
        Genre("disco", (112, 122), 0.6, ((1, 4, 5, 1), (6, 2, 5, 1)), ((4, 5, 3, 6), (2, 5, 1, 6)), "disco", "octaves",
              "chop", "even", {"melody": 48, "comp": 28, "bass": 33, "pad": 50, "second": 61}, kit=8),
        Genre("reggae", (70, 84), 0.3, ((1, 4, 1, 5), (1, 5, 4, 4)), ((4, 1, 5, 4), (6, 4, 1, 5)), "one drop", "dub",
              "skank", "calm", {"melody": 22, "comp": 16, "bass": 33, "pad": 16, "second": 57}, kit=8),
        Genre("latin", (94, 112), 0.6, ((1, 4, 5, 1), (1, 6, 2, 5)), ((4, 5, 1, 1), (2, 5, 1, 1)), "latin", "tumbao",
              "montuno", "busy", {"melody": 56, "comp": 0, "bass": 32, "pad": 48, "second": 24}),
        Genre("folk", (88, 116), 0.25, ((1, 4, 1, 5), (1, 5, 6, 4)), ((4, 1, 5, 1), (6, 4, 1, 5)), "brush", "roots",
              "strum", "even", {"melody": 73, "comp": 25, "bass": 32, "pad": 48, "second": 110}, kit=40),
        Genre("celtic", (104, 126), 0.4, ((1, 4, 1, 5), (1, 7, 1, 5)), ((6, 4, 5, 1), (4, 1, 5, 1)), "bodhran", "roots",
              "strum", "busy", {"melody": 75, "comp": 24, "bass": 43, "pad": 46, "second": 110}, kit=48),
        Genre("country", (96, 124), 0.05, ((1, 4, 1, 5), (1, 1, 4, 5)), ((4, 1, 5, 1), (4, 5, 1, 6)), "train", "roots",
              "boom-chick", "even", {"melody": 27, "comp": 25, "bass": 32, "pad": 48, "second": 105}, kit=8),
        Genre("waltz", (132, 168), 0.4, ((1, 5, 5, 1), (1, 4, 5, 1)), ((4, 1, 5, 1), (6, 2, 5, 1)), "waltz", "roots",
              "waltz", "even", {"melody": 40, "comp": 48, "bass": 43, "pad": 60, "second": 73}, kit=48, beats=3,
              room=0.35),
        Genre("lullaby", (60, 76), 0.1, ((1, 4, 1, 5), (1, 6, 4, 5)), ((4, 1, 2, 5), (6, 4, 1, 5)), "none", "long",
              "arpeggio", "calm", {"melody": 10, "comp": 46, "bass": 32, "pad": 89, "second": 8}, room=0.4),
        Genre("march", (108, 120), 0.05, ((1, 1, 5, 1), (1, 4, 5, 1)), ((4, 1, 5, 1), (6, 2, 5, 1)), "march", "roots",
              "boom-chick", "even", {"melody": 56, "comp": 61, "bass": 58, "pad": 60, "second": 72}, kit=48),
        Genre("chiptune", (132, 160), 0.4, ((1, 5, 6, 4), (6, 4, 1, 5)), ((4, 5, 6, 1), (1, 4, 5, 5)), "chip",
              "octaves", "chip", "busy", {"melody": 80, "comp": 80, "bass": 87, "second": 81}, kit=25, human=0.0,
              room=0.08),
        Genre("east asian", (72, 92), 0.5, ((1, 4, 1, 5), (1, 6, 4, 1)), ((6, 4, 1, 5), (4, 1, 5, 1)), "taiko", "long",
              "arpeggio", "calm", {"melody": 77, "comp": 107, "bass": 43, "pad": 48, "second": 107}, kit=48, room=0.4),
    )
}  # fmt: skip

#: Patterns of drums: a row a sound, sixteen steps (or twelve), loudness from 1 to 9.
KITS: dict[str, dict[int, str]] = {
    "none": {},
    "pop": {36: "9.....6.8.......", 38: "....8.......8...", 42: "6.4.6.4.6.4.6.4."},
    "rock": {36: "9...4...9.7.....", 38: "....9.......9...", 42: "7.5.7.5.7.5.7.5."},
    "metal": {36: "9.779.779.779.77", 38: "....9.......9...", 42: "8...8...8...8..."},
    "shuffle": {36: "8.......8.......", 38: "....7.......7...", 51: "7..57..57..57..5"},
    "swing": {36: "4.......4.......", 38: "..........3....2", 51: "7...6..57...6..5", 44: "....6.......6..."},
    "bossa": {36: "7.....57......57", 37: "7..6..6...6..6..", 42: "4.3.4.3.4.3.4.3."},
    "timpani": {47: "8...............", 43: "............6.6."},
    "house": {36: "9...9...9...9...", 39: "....7.......7...", 46: "..6...6...6...6.", 42: "5.3.5.3.5.3.5.3."},
    "techno": {
        36: "9...9...9...9...",
        42: "3353335333533353",
        46: "..7...7...7...7.",
        37: ".....4....4.....",
    },
    "synthwave": {36: "9...9...9...9...", 38: "....9.......9...", 42: "5.5.5.5.5.5.5.5."},
    "boombap": {36: "9......5..7.....", 38: "....8.......8...", 42: "5.3.5.3.5.3.5.35"},
    "trap": {36: "9......7..8.....", 39: "........8.......", 42: "5.5.5.555.5.5555"},
    "funk": {36: "9..6..5...7.....", 38: "....9..3.3..9..3", 42: "7464746474647464"},
    "disco": {36: "9...9...9...9...", 38: "....8.......8...", 46: "..7...7...7...7.", 42: "5...5...5...5..."},
    "one drop": {36: "........9.......", 37: "........8.......", 42: "5.3.5.3.5.3.5.3."},
    "latin": {36: "7..6..7.7..6..7.", 75: "7..7..7...7.7...", 70: "5353535353535353", 63: "..6...66..6...66"},
    "brush": {36: "6.......6.......", 38: "....5.......5...", 42: "3.3.3.3.3.3.3.3."},
    "bodhran": {41: "8..5..6.8..5..6.", 45: "...3.4.....3.4.4"},
    "train": {36: "7.......7.......", 38: "3.437.433.437.43"},
    "waltz": {36: "7...........", 42: "....4...4..."},
    "march": {36: "8.......8.......", 38: "6.334.336.334444"},
    "chip": {36: "9.......9.......", 38: "....8.......8...", 42: "5.5.5.5.5.5.5.5."},
    "taiko": {41: "8.......6.......", 47: "..........4..5.."},
}
