"""Charts in all scripts: one picture each, drawn in a real sandbox and compared with the one that a person has looked at.

`UPDATE_GOLDEN=1` draws them anew; look at each before it is committed.
"""

import os
from pathlib import Path

import pytest

from plugin import Interpreter

GOLDEN = Path(__file__).parent / "golden"
# Of 255, on average over all pixels: another version of a library moves an edge by part of a pixel.
TOLERANCE = 4.0

# Title; two categories; legend.
SCRIPTS = {
    "zh": ("季度销售额", "第一季度", "第二季度", "直营门店"),
    "ja": ("四半期の売上高", "東京", "大阪", "直営店のグラフ"),
    "ko": ("분기별 매출", "서울", "부산", "온라인"),
    "ar": ("مبيعات الربع ٢٠٢٤", "القاهرة", "دبي", "الإيرادات"),
    "hi": ("तिमाही बिक्री", "दिल्ली", "क्षेत्र", "मूल्य वृद्धि"),
    "ta": ("காலாண்டு விற்பனை", "சென்னை", "கோவை", "கொண்டு"),
    "bn": ("ত্রৈমাসিক বিক্রয়", "ঢাকা", "ক্ষুদ্র", "রাজস্ব"),
    "emoji": ("Launch 🚀 week 🎉", "👍🏽 🥳", "❤️ 🇩🇪", "👨‍👩‍👧 😀"),
}

CHART = """
import matplotlib.pyplot as plt
def chart(title, first, second, legend):
    figure, axes = plt.subplots(figsize=(3, 2.2), dpi=72, layout='constrained')
    axes.bar([first, second], [3, 5], label=legend)
    axes.set_title(title)
    axes.set_ylim(0, 8)
    axes.legend(loc='upper left')
    return figure
"""


async def compared(full: Interpreter, name: str, picture: bytes, golden: bytes) -> float:
    """Mean difference of two pictures, 0 to 255; 255 where they are not of one size."""
    ids = [
        (await full.files.upload("fay", data, f"{name}-{which}.png")).file_id
        for which, data in (("now", picture), ("golden", golden))
    ]
    code = f"""
import numpy as np
now, golden = (np.asarray(load_file(i).convert('L'), dtype=float) for i in {ids})
print(abs(now - golden).mean() if now.shape == golden.shape else 255)
"""
    result = await full.run(code, user_id="fay")
    assert result.success, result.error
    return float(result.stdout)


async def drawn(full: Interpreter, script: str) -> bytes:
    """The picture; nothing is said of glyphs or fonts that are missing, as PNG, SVG or PDF."""
    code = f"{CHART}\nf = chart(*{SCRIPTS[script]!r})\nfor kind in ('png', 'svg', 'pdf'): f.savefig('c.' + kind)"
    result = await full.run(code, user_id="fay")
    assert (result.output, result.error) == ("", "")
    files = {file.filename: file.data for file in result.generated_files}
    assert files["c.pdf"].startswith(b"%PDF-") and b"</svg>" in files["c.svg"]
    return files["c.png"]


@pytest.mark.parametrize("script", SCRIPTS)
async def test_charts_in_this_script(full: Interpreter, script: str) -> None:
    """Title, tick labels and legend look as they looked to a person."""
    picture, golden = await drawn(full, script), GOLDEN / f"{script}.png"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_bytes(picture)
    assert await compared(full, script, picture, golden.read_bytes()) <= TOLERANCE


async def test_the_comparison_sees_boxes(full: Interpreter) -> None:
    """A chart whose letters are missing is farther from the golden picture than the tolerance."""
    code = f"{CHART}\nfrom matplotlib.text import Text\nText.set_text = Text.set_text.__wrapped__\n"
    code += f"chart(*{SCRIPTS['zh']!r}).savefig('c.png')"
    result = await full.run(code, user_id="fay")
    assert "missing from font" in result.stderr
    (boxes,) = [file.data for file in result.generated_files]
    assert await compared(full, "zh", boxes, (GOLDEN / "zh.png").read_bytes()) > TOLERANCE


async def test_a_chart_without_such_text_is_drawn_as_ever(full: Interpreter) -> None:
    """Pixel for pixel, before and after other fonts came into play; and with none of them opened before."""
    code = f"""{CHART}
import io
from matplotlib import font_manager
def plain():
    data = io.BytesIO()
    chart('Sales of Café Ωmega, µ ± 3°', 'one', 'two', 'x²').savefig(data)
    return data.getvalue()
first = plain()
print(len(font_manager.fontManager._find_fonts_by_props(font_manager.FontProperties())))
chart('图', 'a', 'b', 'c').savefig(io.BytesIO())
print(first == plain())
plt.close('all')
"""
    result = await full.run(code, user_id="fay")
    assert (result.output, result.error) == ("1\nTrue\n", "")


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param("plt.rcParams['font.sans-serif'] = ['SimHei']", id="the first line of most Chinese scripts"),
        pytest.param("plt.rcParams['font.family'] = 'Microsoft YaHei'", id="a family of Windows"),
        pytest.param("plt.rcParams['font.family'] = ['Malgun Gothic', 'NanumGothic']", id="families of Korea"),
        pytest.param("import seaborn as sns; sns.set_theme()", id="seaborn's theme"),
        pytest.param("plt.style.use('ggplot')", id="a style"),
        pytest.param("plt.rcParams['font.family'] = 'serif'", id="serif"),
        pytest.param("plt.rcParams['font.weight'] = 'bold'; plt.rcParams['axes.titleweight'] = 'bold'", id="bold"),
        pytest.param("plt.figtext(0, 0, '温度 $x^2$ 온도')", id="text with a formula in it"),
        pytest.param(
            "plt.rcParams['pdf.fonttype'] = 42; plt.rcParams['svg.fonttype'] = 'none'", id="text that stays text"
        ),
        pytest.param("plt.rcParams['axes.unicode_minus'] = False", id="the second line of most Chinese scripts"),
    ],
)
async def test_whatever_font_code_asks_for(full: Interpreter, setup: str) -> None:
    """Nothing is missing and nothing is said."""
    code = f"import matplotlib.pyplot as plt\n{setup}\n{CHART}\nf = chart('销售额 매출 売上', 'बिक्री', '🚀', 'a')\n"
    code += "for kind in ('png', 'svg', 'pdf'): f.savefig('c.' + kind)"
    result = await full.run(code, user_id="fay")
    assert (result.output, result.error) == ("", "")
