"""Text of all scripts in matplotlib: behind the font that a chart asks for stand others, looked at when its text needs them.

matplotlib's own fonts have Latin, Greek, Cyrillic, Arabic and some symbols. The others come from packages of fonts with free
licences (catalogue.toml); what is not installed is left out. A chart without such text is drawn as if they were not there.
"""

import dataclasses
import functools
import logging
import os
import re
from typing import Any

# Packages of fonts, as directories beneath site-packages, and in each the files in the order in which they are asked.
CJK = "noto_cjk_sans_otc/NotoSansCJK-Regular.ttc"  # SIL OFL 1.1, Copyright 2014-2021 Adobe
SCRIPTS = "manimgx_fonts"  # SIL OFL 1.1, Copyright the Noto Project Authors
ORDER = (
    "Devanagari", "Bengali", "Tamil", "Telugu", "Gujarati", "Gurmukhi", "Kannada", "Malayalam", "Oriya", "Sinhala",
    "Arabic", "Hebrew", "Thai", "Lao", "Khmer", "Myanmar", "Armenian", "Georgian", "Ethiopic", "Symbols",
)  # fmt: skip
EMOJI = "NotoEmoji[wght].ttf"

# One letter of China, Japan and Korea is drawn in each country's own way: which, the other letters of a chart's text tell.
KANA = re.compile("[\u3041-\u30ff\uff66-\uff9d]")
HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
CHINESE, JAPANESE, KOREAN = "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR"

# Fonts of other systems that code asks for out of habit, and what they get.
ALIASES = {
    CHINESE: (
        "SimHei", "SimSun", "Microsoft YaHei", "KaiTi", "FangSong", "STHeiti", "Heiti SC", "PingFang SC", "Noto Sans SC",
        "Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Arial Unicode MS",
    ),
    "Noto Sans CJK TC": ("Microsoft JhengHei", "PingFang TC", "Heiti TC", "Noto Sans TC"),
    JAPANESE: (
        "IPAexGothic", "IPAGothic", "TakaoGothic", "Yu Gothic", "Meiryo", "MS Gothic", "Hiragino Sans", "Noto Sans JP",
    ),
    KOREAN: ("Malgun Gothic", "NanumGothic", "Nanum Gothic", "AppleGothic", "Apple SD Gothic Neo", "Noto Sans KR"),
    "Noto Sans Devanagari": ("Mangal", "Nirmala UI", "Kohinoor Devanagari", "Lohit Devanagari"),
    "Noto Sans Bengali": ("Vrinda", "SolaimanLipi", "Kalpurush", "Lohit Bengali"),
    "Noto Sans Tamil": ("Latha", "Lohit Tamil"),
    "Noto Emoji": ("Noto Color Emoji", "Segoe UI Emoji", "Apple Color Emoji", "Symbola"),
}  # fmt: skip

REGULAR, BOLD = 400, 700
MAX_TOLD = 20  # messages of fonts that are not there

_found: dict[str, Any] = {}  # family -> where matplotlib finds it, in the order in which they are asked
_own: frozenset[int] = frozenset()  # characters that matplotlib's own font has
_needed: set[str] = set()  # "other": text that matplotlib's own font cannot show; KOREAN, JAPANESE: such letters


def install(site_packages: str) -> None:
    """Make the fonts known to matplotlib, and have it ask them for what a chart's own font has not."""
    global _own
    from matplotlib import _mathtext, font_manager, text

    logging.getLogger(font_manager.__name__).addFilter(_Once())
    if not (hasattr(font_manager.FontManager, "_find_fonts_by_props") and hasattr(_mathtext, "UnicodeFonts")):
        return  # a matplotlib that an operator pinned, older than these
    _register(font_manager, site_packages)
    if not _found:
        return
    own = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    _own = frozenset(own.get_charmap())
    find = font_manager.FontManager._find_fonts_by_props
    set_text = text.Text.set_text
    get_glyph = _mathtext.UnicodeFonts._get_glyph

    @functools.wraps(find)
    def find_with_others(self: Any, prop: Any, fontext: str = "ttf", *args: Any, **kwargs: Any) -> Any:
        paths = find(self, prop, fontext, *args, **kwargs)
        if not _needed or fontext != "ttf":
            return paths
        return [*paths, *(path for path in _others() if path not in paths)]

    @functools.wraps(set_text)
    def set_text_seen(self: Any, s: Any) -> None:
        set_text(self, s)
        _look_at(self.get_text())

    @functools.wraps(get_glyph)
    def get_glyph_with_others(self: Any, fontname: str, font_class: str, sym: str) -> Any:
        """Text with a formula in it is set letter by letter, in one font."""
        if _needed and len(sym) == 1 and ord(sym) not in _own:
            for path in _others():
                font = font_manager.get_font(path)
                if font.get_char_index(ord(sym)):
                    return font, ord(sym), False
        return get_glyph(self, fontname, font_class, sym)

    font_manager.FontManager._find_fonts_by_props = find_with_others
    _mathtext.UnicodeFonts._get_glyph = get_glyph_with_others
    text.Text.set_text = set_text_seen


class _Once(logging.Filter):
    """A font that is not there is told of once, not for each piece of text."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if message in self._told or len(self._told) >= MAX_TOLD:
            return False
        self._told.add(message)
        return True


def _look_at(text: str) -> None:
    """Opening all the fonts takes longer than drawing a small chart: only once one of them is needed."""
    if text.isascii() or _own.issuperset(map(ord, text)):
        return
    _needed.add("other")
    if KANA.search(text):
        _needed.add(JAPANESE)
    if HANGUL.search(text):
        _needed.add(KOREAN)


def _others() -> list[Any]:
    """All but the CJK faces of other countries than the text's."""
    country = next((name for name in (JAPANESE, KOREAN) if name in _needed), CHINESE)
    return [path for name, path in _found.items() if name == country or not name.startswith("Noto Sans CJK")]


def _register(font_manager: Any, site_packages: str) -> None:
    manager = font_manager.fontManager
    files = [CJK, *(f"{SCRIPTS}/NotoSans{script}[wght].ttf" for script in ORDER), f"{SCRIPTS}/{EMOJI}"]
    for file in files:
        path = f"{site_packages}/{file}"
        if not os.path.exists(path):
            continue
        known = len(manager.ttflist)
        try:
            manager.addfont(path)
        except (OSError, RuntimeError):  # FreeType's own word for a damaged file
            continue
        for entry in manager.ttflist[known:]:
            _found.setdefault(entry.name, font_manager.FontPath(entry.fname, entry.index))
            # Bold too, or each chart with a bold title is told that there is none.
            for name, weight in (
                (entry.name, BOLD),
                *((a, w) for a in ALIASES.get(entry.name, ()) for w in (REGULAR, BOLD)),
            ):
                manager.ttflist.append(dataclasses.replace(entry, name=name, weight=weight))
