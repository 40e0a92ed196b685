"""The report on ageing hardware: what stands in it, what it asks for, and what hostile names do to it."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element

import pytest
import tinyhtml5

from agent.core.ageing_reader import read
from agent.core.ageing_report import AgeingReport, report, unsupported_by
from agent.core.hardware import Age, Confidence, Reason
from agent.core.register import Disagreement
from agent.core.risk import Part, Risk
from exporters import reportcharts as charts
from exporters import reportwords as words
from exporters.report import FORMATS, PDF_PACKAGES, _pdf, as_document, evidence, horizon, page, render, table
from exporters.reportwords import Split
from tests.exporters.ageingestate import FORMULA, HOSTILE, NOW, TODAY, cases, estate, hostile

UNTIL: Final = date(2028, 3, 31)
DASH: Final = "\u2013"


def tree(made: AgeingReport, by: str | None = None) -> Element:
    found: Element = tinyhtml5.parse(page(made, by, UNTIL), namespace_html_elements=False)
    return found


@pytest.fixture(scope="module")
def html() -> Element:
    return tree(estate())


def text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def section(html: Element, heading: str) -> Element:
    return next(one for one in html.iter("section") if any(text(h2).startswith(heading) for h2 in one.iter("h2")))


def rows(element: Element) -> list[list[str]]:
    return [[text(cell) for cell in row] for row in element.iter("tr")]


# ------------------------------------------------------------------ the committee's page


def test_it_begins_with_the_numbers_in_words_and_figures(html: Element) -> None:
    paper = next(html.iter("section"))
    assert text(next(paper.iter("h1"))) == "Ageing hardware"
    lead = next(p for p in paper.iter("p") if p.get("class") == "lead")
    assert text(lead) == (
        "Of 42 pieces of hardware, 23 are out of support today. Support of 3 more ends within a year. "
        "Of 6 no support date is known; that speaks neither for nor against them."
    )
    figures = next(dl for dl in paper.iter("dl") if dl.get("class") == "figures")
    assert [(text(div[0]), text(div[1])) for div in figures] == [
        ("pieces of hardware", "42"), ("out of support", "23"), ("end within a year", "3"), ("date unknown", "6")
    ]  # fmt: skip


def test_the_ten_first_come_with_the_parts_of_their_rank(html: Element) -> None:
    first = next(ol for ol in html.iter("ol") if ol.get("class") == "first")
    assert [text(next(li.iter("a"))) for li in first] == [case.name for case in cases()[:10]]
    core, ups = text(first[0]), next(text(li) for li in first if "crown-ups1" in text(li))
    assert "Power supply 2 has failed; EN-4510R: without support since 2021-01-31; 14.7 years old" in core
    assert "Single point of failure: with it fails bcw-sw3" in core
    assert "Unknown: support." in ups
    assert not re.search(r"0\.\d\d", core), "a bare score is shown"
    widths = [float(m) for i in first[0].iter("i") for m in re.findall(r"width:([\d.]+)%", i.get("style", ""))]
    assert len(widths) == 7  # of likelihood all three parts, of consequence all four
    case = cases()[0]
    assert sum(widths[:3]) == pytest.approx(100 * case.likelihood.ratio, abs=0.2)
    assert sum(widths[3:]) == pytest.approx(100 * case.consequence.ratio, abs=0.3)


def test_both_charts_are_drawn_and_the_same_numbers_stand_in_tables(html: Element) -> None:
    year, owner = (svg for svg in html.iter() if svg.tag.endswith("svg"))
    assert {"≤2022", "2023", "2025", "≥2031", "?"} <= {text(t) for t in year.iter() if t.tag.endswith("text")}
    assert [text(t) for t in owner.iter() if t.tag.endswith("text")][:3] == ["no owner", "enc", "bcw"]
    numbers = section(html, "The numbers")
    assert [text(next(one.iter("caption"))) for one in numbers.iter("table")] == [
        "By year of end of support", "By owner", "By site"
    ]  # fmt: skip
    assert ["2025", "16", "16", "16 desktop"] in rows(numbers)
    assert ["unknown", "6", DASH, "4 access point, 1 printer, 1 ups"] in rows(numbers)


@pytest.mark.parametrize(
    ("keys", "labels"),
    [
        ((), []),
        (("2020",), ["≤2022"]),
        (("2025", "2027"), ["2025", "2026", "2027"]),
        (("1999", "2024", ""), ["≤2022", "2023", "2024", "?"]),
        (("2029", "2040"), ["2029", "2030", "≥2031"]),
        (("2020", "2040"), ["≤2022", "≥2031"]),
        (("",), ["?"]),
    ],
)
def test_the_years_of_the_chart(keys: tuple[str, ...], labels: list[str]) -> None:
    found = charts.by_year([Split(key, over=1) for key in keys], TODAY)
    assert re.findall(r"<text[^>]*>(≤?\d{4}|≥\d{4}|\?)</text>", found) == labels


def test_many_owners_are_one_bar_from_the_tenth_on() -> None:
    found = charts.by_owner([Split(f"owner-with-a-very-long-name-{n}", over=30 - n) for n in range(12)])
    assert found.count("owner-with-a-ve…") == 9
    assert "others" in found


# ------------------------------------------------------------------ the views


def test_what_will_be_unsupported_is_a_line_for_each_day_and_product(html: Element) -> None:
    late = section(html, "What will be unsupported by 31 March 2028")
    found = rows(late)[1:]
    assert [row[0] for row in found] == ["31 Jan 2021", "10 Oct 2023", "31 Oct 2023", "14 Oct 2025", "31 May 2027"]
    assert found[3][1:3] == ["Example Desktop 22H2desktop", "16"]
    names = [name for row in found for name in row[4].split(", ")]
    assert sorted(names) == sorted(case.name for case in unsupported_by(cases(), UNTIL))
    assert "Of 6 pieces no date is known: they may be among them." in text(late)


def test_models_whose_dates_are_to_be_looked_up(html: Element) -> None:
    assert [row[:2] for row in rows(section(html, "Dates to look up"))[1:]] == [
        ["MiniDesk 400", "16"], ["Example Networks EN-AP20", "4"], ["PowerBox 3000", "1"],
        ["Example Networks, model unknown", "1"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("by", "headings"),
    [
        (None, ["42 pieces"]),
        ("owner", ["bcw · 27 pieces", "enc · 21 pieces", "Without an owner · 1 piece"]),
        ("site", ["bcw · 20 pieces", "enc · 14 pieces", "crown · 7 pieces", "Without a site · 1 piece"]),
        ("year", [*(f"Support ends in {year}" for year in (
            "2021 · 1 piece", "2023 · 6 pieces", "2025 · 16 pieces", "2027 · 3 pieces", "2028 · 3 pieces",
            "2029 · 1 piece", "2030 · 5 pieces", "2033 · 1 piece")), "Support dates unknown · 6 pieces"]),
    ],
)  # fmt: skip
def test_the_full_list_is_grouped_as_asked(by: str | None, headings: list[str]) -> None:
    full = section(tree(estate(), by), "The full list")
    assert [text(caption) for caption in full.iter("caption")] == headings
    names = {text(th) for th in full.iter("th") if th.get("scope") == "row"}
    assert {name.split(" ")[0] for name in names} == {case.name for case in cases()}


def test_unknown_is_shown_as_unknown(html: Element) -> None:
    row = next(row for row in rows(section(html, "The full list")) if row[1] == "printer-3f")
    assert row == [DASH, "printer-3f", "printerExample Networks", "no siteno owner", "unknown", "unknown", "none"]


# ------------------------------------------------------------------ evidence


def test_every_fact_stands_there_with_its_source_and_confidence(html: Element) -> None:
    articles = {article.get("id"): article for article in section(html, "Evidence").iter("article")}
    assert len(articles) == 42
    for number, case in enumerate(cases(), 1):
        found = {tuple(row) for row in rows(articles[f"case-{number}"])}
        for fact in case.facts:
            assert (fact.name.replace("_", " "), str(fact.value), fact.source, fact.confidence) in found
        for flag in case.flags:
            assert (words.reason(flag.reason), f"{flag.severity}: {flag.detail}", flag.source, flag.confidence) in found
        said = {row[1].split(" (counts")[0].split(" (unknown")[0]: row[2] for row in found if len(row) == 4}
        for part in (*case.likelihood.parts, *case.consequence.parts):
            assert said[part.detail] == part.source
        if case.age is not None:
            assert any(row[0] == "in use" and row[2:] == (case.age.source, case.age.confidence) for row in found)
        for one in words.supports(case):
            assert any(one.source in row[2] and one.table in row[2] for row in found if len(row) == 4)


def test_hardware_that_was_replaced_is_told() -> None:
    found = dict(evidence(cases()[0]))["What answered under this name"]
    assert [row[:2] for row in found] == [
        ("XN11110001", "seen 14 Jan 2025 to 2 Aug 2025"), ("XN12340001", "seen 3 Aug 2025 to 27 Nov 2026")
    ]  # fmt: skip


def test_links_lead_to_the_evidence(html: Element) -> None:
    ids = [element.get("id") for element in html.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    links = [a.get("href", "") for a in html.iter("a")]
    assert len(links) > 42
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_the_evidence_of_a_pdf_on_a_large_estate_is_cut_and_says_so() -> None:
    found: Element = tinyhtml5.parse(page(estate(), None, UNTIL, 12), namespace_html_elements=False)
    part = section(found, "Evidence")
    assert [text(next(article.iter("h3"))).split(" ")[0] for article in part.iter("article")] == [
        case.name for case in cases()[:12]
    ]  # fmt: skip
    assert "On the 12 first in rank. That on the other 30 stands in the same report as HTML and CSV." in text(part)
    ids = {element.get("id") for element in found.iter()}
    assert {a.get("href", "").removeprefix("#") for a in found.iter("a")} <= ids
    assert len(rows(section(found, "The full list"))) == 1 + 42


# ------------------------------------------------------------------ self-contained, accessible, safe


def addresses(html: Element) -> Iterable[str]:
    for element in html.iter():
        for name, value in element.attrib.items():
            if str(name).split("}")[-1] in {"src", "href", "srcset", "data", "action", "poster", "content"}:
                yield value


def test_it_asks_for_nothing_elsewhere(html: Element) -> None:
    assert not [value for value in addresses(html) if "//" in value or "url(" in value]
    styles = " ".join(text(style) for style in html.iter() if style.tag.endswith("style"))
    assert not re.search(r"@import|url\(|//", styles)
    assert {element.tag.split("}")[-1] for element in html.iter() if isinstance(element.tag, str)}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "embed", "image", "use"}
    )


def test_a_reader_who_does_not_see_it_is_told_the_same(html: Element) -> None:
    assert html.get("lang") == "en-GB"
    assert [text(h1) for h1 in html.iter("h1")] == ["Ageing hardware"]
    levels = [int(e.tag[1]) for e in html.iter() if isinstance(e.tag, str) and re.fullmatch(r"h[1-6]", e.tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    tables = list(html.iter("table"))
    assert all(len(list(one.iter("caption"))) == 1 for one in tables)
    assert all(th.get("scope") for one in tables for th in one.iter("th"))
    assert all(svg.get("aria-hidden") == "true" for svg in html.iter() if svg.tag.endswith("svg"))
    assert all(figure.get("aria-label") for figure in html.iter("figure"))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_can_be_read_on_its_ground() -> None:
    css = (Path(charts.__file__).parent / "templates" / "report.css").read_text()
    colours = dict(re.findall(r"--(ink|quiet|over|soon|link): (#[0-9a-f]{6})", css))
    assert len(colours) == 5
    for name, colour in colours.items():  # WCAG 2.2, 1.4.3: 4.5 to 1
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5, name


def test_what_a_hostile_device_says_stays_text() -> None:
    found = tree(hostile(), "owner")
    assert {element.tag.split("}")[-1] for element in found.iter() if isinstance(element.tag, str)}.isdisjoint(
        {"script", "img"}
    )
    assert not [name for element in found.iter() for name in element.attrib if str(name).startswith("on")]
    assert not [value for value in addresses(found) if "//" in value]
    shown = text(found)
    assert '<script src="http://evil.example/x.js"></script>' in shown  # as text, to be read
    assert shown.isprintable()


def test_the_same_report_is_the_same_file() -> None:
    assert all(render(estate(), form, "site") == render(estate(), form, "site") for form in FORMATS if form != "pdf")


def test_a_report_on_nothing() -> None:
    empty = report((), NOW, TODAY)
    found = text(tree(empty, "owner"))
    assert "No hardware is known: there are no devices, and no asset register." in found
    assert "Nothing speaks for replacing anything" in found
    assert len(list(csv.reader(io.StringIO(table(empty))))) == 1


# ------------------------------------------------------------------ CSV and JSON


def test_a_spreadsheet_opens_the_csv() -> None:
    found = render(estate(), "csv", "owner")
    assert found.startswith(b"\xef\xbb\xbfowner,rank,name,")
    assert b"\r\n" in found
    read_back = list(csv.DictReader(io.StringIO(found.decode("utf-8-sig"), newline="")))
    assert len(read_back) == 49  # seven are shared by two owners
    assert not [row["name"] for row in read_back if " ()" in row["evidence"]]  # what has no source names none
    core = next(row for row in read_back if row["name"] == "bcw-core-sw1")
    assert (core["rank"], core["owner"], core["years"], core["supported until"], core["out of support"]) == (
        "1", "bcw", "14.7", "2021-01-31", "yes"
    )  # fmt: skip
    assert "serial: XN12340001 (ENTITY-MIB entPhysicalSerialNum.1, stated)" in core["evidence"]
    assert "support: EN-4510R: without support since 2021-01-31" in core["likelihood"]
    quiet = next(row for row in read_back if row["name"] == "printer-3f")
    assert (quiet["rank"], quiet["supported until"], quiet["out of support"]) == ("", "unknown", "unknown")


def test_a_spreadsheet_runs_nothing() -> None:
    found = list(csv.reader(io.StringIO(table(hostile(), "owner"), newline="")))
    cells = [cell for row in found for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert f"'{FORMULA}" in cells
    assert all(cell.isprintable() for cell in cells)


def test_json_has_the_report_and_its_views() -> None:
    found: dict[str, Any] = json.loads(render(estate(), "json", "site", UNTIL))
    assert found == json.loads(json.dumps(as_document(estate(), "site", UNTIL)))
    assert [group["heading"] for group in found["groups"]] == ["bcw", "enc", "crown", "Without a site"]
    assert found["unsupported_by"]["day"] == "2028-03-31"
    assert [case.name for case in read(found).cases] == [case.name for case in cases()]
    assert json.loads(render(hostile(), "json"))  # a lone surrogate is no reason to write nothing


# ------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("since", "at_least", "expected"),
    [
        ("2019-11-27", False, "7.0 years"),
        ("2019-11-28", True, "at least 6.9 years"),
        ("2027-01-01", False, "from 2027-01-01"),
    ],
)
def test_ages(since: str, at_least: bool, expected: str) -> None:
    assert words.age(Age(date.fromisoformat(since), at_least, "", Confidence.STATED), TODAY) == expected


@pytest.mark.parametrize(
    ("vendor", "name", "expected"),
    [
        ("Example", "X-1", "Example X-1"),
        ("PowerBox", "POWERBOX 3000", "POWERBOX 3000"),
        ("", "X-1", "X-1"),
        ("Example", "", "Example"),
        ("unknown", "X-1", "X-1"),
        ("", "", ""),
    ],
)
def test_makers_and_models(vendor: str, name: str, expected: str) -> None:
    assert words.product(vendor, name) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), "Nothing is known."),
        ((("a", None, "its age is unknown"),), "Nothing is known."),
        (
            (("a", 0.0, "nothing else fails with it"), ("b", 0.0, "0 things depend on it")),
            "Nothing else fails with it.",
        ),
        ((("a", 0.1, "old"), ("b", 0.9, "failed"), ("c", 0.0, "fine")), "Failed; old."),
        ((("a", 1.0, "upsOutput is on battery."),), "upsOutput is on battery."),
    ],
)
def test_what_parts_say(parts: tuple[tuple[str, float | None, str], ...], expected: str) -> None:
    assert words.said(Risk(tuple(Part(name, ratio, 1.0, detail) for name, ratio, detail in parts), 0.0)) == expected


def test_every_reason_has_its_words() -> None:
    assert set(words.REASONS) == set(Reason)
    assert words.reason("something_new") == "something new"


def test_the_last_day_of_support_is_a_day_with_support() -> None:
    one = cases()[0]
    assert one.unsupported_from is not None
    assert words.support(one, one.unsupported_from) == "until 31 Jan 2021"
    assert words.split([one], one.unsupported_from).over == 0
    assert horizon(TODAY) == date(2027, 11, 27)


# ------------------------------------------------------------------ PDF


def inside(pdf: bytes) -> bytes:
    """Return what stands in the objects and pages of a PDF."""
    found = [pdf]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(stream))
        except zlib.error:  # not compressed
            continue
    return b"\n".join(found)


def test_pdf_has_pages_outline_language_and_drawings() -> None:
    unlike = Disagreement(4_000, 31, 1_500, 20, 12)  # its longest line
    pdf = _pdf(page(report(cases()[:10], NOW, TODAY, register=unlike), None, UNTIL, 1))
    assert pdf.startswith(b"%PDF-1.")
    found = inside(pdf)
    assert len(re.findall(rb"/Type\s*/Page\b", found)) >= 2
    for title in (b"(Ageing hardware)", b"(What to replace first)", b"(What will be unsupported by 31 March 2028)",
                  b"(Evidence: every fact and its source)"):  # fmt: skip
        assert b"/Title " + title in found
    outline = re.findall(rb"/Title \(([^)]*)\)/Dest \[(\d+) 0 R", found)
    first = [page for title, page in outline if title == b"Ageing hardware"]
    on_it = [title.decode().split(" ")[0] for title, page in outline if page in first]
    assert on_it[2:] == [
        case.name for case in cases()[:10]
    ]  # the committee's page is one page, and nothing else is on it
    assert b"/Lang (en-GB)" in found
    assert b"/S /Table" in found  # tagged: it can be read aloud
    red = " ".join(f"{int(charts.SERIES[0][1][i : i + 2], 16) / 255:.6f}" for i in (1, 3, 5))
    assert f"{red} rg".encode() in found, "no bar of a chart is drawn"
    assert not re.search(rb"/URI|/JavaScript|/Launch", found)


def test_pdf_of_hostile_names_fetches_nothing(caplog: pytest.LogCaptureFixture) -> None:
    made = hostile()
    pdf = render(report(made.cases[:1], NOW, TODAY), "pdf")
    assert pdf.startswith(b"%PDF-1.")
    assert not [record for record in caplog.records if "fetch" in record.message.lower()]
    assert HOSTILE[:7].encode("utf-16-be").hex().encode() in inside(pdf)  # as a heading's text


def test_without_its_libraries_pdf_says_what_to_install() -> None:
    code = (
        "import ctypes, cffi\n"
        "def missing(self, name, *rest): raise OSError(f'cannot load library {name!r}')\n"
        "cffi.FFI.dlopen = missing\n"
        "from exporters.report import PdfError, render\n"
        "from tests.exporters.ageingestate import estate\n"
        "try: render(estate(), 'pdf')\n"
        "except PdfError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("PDF needs libraries that are missing here (cannot load library")
    assert done.stdout.rstrip().endswith(f"apt install {PDF_PACKAGES}")
    assert done.stdout.count("\n") == 1  # and nothing of what the library prints


def test_the_tests_have_what_pdf_needs() -> None:
    script = (Path(__file__).parents[1] / "install-peers.sh").read_text()
    assert all(package in script for package in PDF_PACKAGES.split())


# ------------------------------------------------------------------ in a browser


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("/usr/bin/chromium") is None, reason="needs Chromium: apt-get install chromium")
def test_a_phone_need_not_scroll_sideways(tmp_path: Path) -> None:
    probe = "<pre id=wide></pre><script>wide.textContent = document.documentElement.scrollWidth</script>"
    (tmp_path / "report.html").write_text(page(estate(), "owner", UNTIL).replace("</body>", f"{probe}</body>"))
    # a headless window is never narrower than 500 px: the page is looked at in a frame
    frame = "<iframe src=report.html style='width:360px;height:700px;border:0'></iframe>"
    (tmp_path / "frame.html").write_text(
        f"<!doctype html>{frame}<script>onload = () => {{ document.title = document.querySelector('iframe')"
        ".contentDocument.getElementById('wide').textContent }</script>"
    )
    done = subprocess.run(
        ["/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--hide-scrollbars",
         "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
         f"file://{tmp_path / 'frame.html'}"], capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    assert "<title>360</title>" in done.stdout
