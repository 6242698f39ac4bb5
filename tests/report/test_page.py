"""The page of a surrogate: what it says, on a narrow screen, and on paper."""

import html
import re
import shutil
import subprocess

import pytest

import stiffdsl as sd
from stiffdsl.report.page import page

TEXT = """
model Cup "a cup that cools"
  param R = 2 in 1..5 "resistance, between `cup` and room"
  param a_rather_long_name_of_a_parameter = 1 in 0.5..2
  var T start 1 "temperature of the coffee"
  output loss = a_rather_long_name_of_a_parameter*T/R "what flows to the room"
equations
  der(T) = -loss
experiment
  time 0..7200, points 20
end
"""
BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
MEASURE = """<!doctype html><script>
function measure(frame) {
  const page = frame.contentDocument, wide = [...page.querySelectorAll('body > *')].filter(x =>
    x.scrollWidth > x.clientWidth + 1 && frame.contentWindow.getComputedStyle(x).overflowX == 'visible')
  const over = page.documentElement.scrollWidth - page.documentElement.clientWidth
  document.title = ['wide', over, ...wide.map(x => x.outerHTML.slice(0, 80))].join(' ')
}
</script><iframe onload="measure(this)" width="WIDTH" height="900" srcdoc="PAGE"></iframe>"""


@pytest.fixture(scope="module")
def told() -> str:
    return page(sd.loads(TEXT).surrogate(method="rbf", samples=8, held_out_samples=5))


def test_names_are_code_and_documentation_is_there(told):
    body = told[told.index("<body>") :]
    assert "the model <code>Cup</code> (a cup that cools)" in body
    assert "resistance, between <code>cup</code> and room" in body
    assert "what flows to the room" in body
    assert "`" not in re.sub(r"<svg.*?</svg>|<pre>.*?</pre>", "", body, flags=re.DOTALL)


def test_what_a_model_says_cannot_become_markup():
    hostile = TEXT.replace("a cup that cools", "<script>alert(1)</script> `<b>`")
    told = page(sd.loads(hostile).surrogate(method="rbf", samples=8, held_out_samples=5))
    assert "<script>" not in told
    assert "<code>&lt;b&gt;</code>" in told


def _browser(tmp_path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert BROWSER is not None
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    options = ("--headless", "--no-sandbox", "--disable-gpu", profile)
    return subprocess.run(
        [BROWSER, *options, *arguments], capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
@pytest.mark.parametrize("width", [400, 700, 1400])
def test_no_screen_is_too_narrow(told, tmp_path, width):
    file = tmp_path / "frame.html"
    file.write_text(MEASURE.replace("WIDTH", str(width)).replace("PAGE", html.escape(told)), encoding="utf-8")
    shown = _browser(tmp_path, "--virtual-time-budget=3000", "--dump-dom", file.as_uri())
    assert re.findall(r"<title>(.*?)</title>", shown.stdout) == ["wide 0"], shown.stderr[-500:]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_it_fits_on_paper(told, tmp_path):
    """Nothing is wider than a sheet, which is told by a sheet of this width, and few sheets are needed."""
    (tmp_path / "page.html").write_text(told, encoding="utf-8")
    paper = tmp_path / "page.pdf"
    _browser(tmp_path, f"--print-to-pdf={paper}", (tmp_path / "page.html").as_uri())
    sheets = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert 1 <= sheets <= 5
    screen = told.replace("@media print", "@media all")
    file = tmp_path / "frame.html"
    file.write_text(MEASURE.replace("WIDTH", "700").replace("PAGE", html.escape(screen)), encoding="utf-8")
    shown = _browser(tmp_path, "--virtual-time-budget=3000", "--dump-dom", file.as_uri())
    assert "<title>wide 0</title>" in shown.stdout
