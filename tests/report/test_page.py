"""The page as a file: what is in it, what is not, and that the same runs give the same page and one script."""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
import synthetic_hostile
import synthetic_runs
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from conformance.report.html import ENTRY, SOURCES, embedded, template
from conformance.report.javascript import joined
from conformance.report.matrix import matrix_of
from conformance.report.packing import PACK, TEXT_LIMIT, content_of, pack_evidence, packed, unpacked
from conformance.report.page_data import page_data
from conformance.report.servers import servers_of
from conformance.report.write import render
from conformance.runs.detection import ClientSession, read_readings, readings_of
from conformance.runs.evidence_store import PLAIN, EvidenceStore, remove_evidence
from conformance.runs.log import FILE, RunLog, read_log
from conformance.runs.rows import VersionReadiness
from conformance.words import ReadinessVerdict


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> list[RunLog]:
    return [read_log(folder) for folder in synthetic_runs.a_few_runs(tmp_path_factory.mktemp("few"))]


@pytest.mark.parametrize("damage", [bytes, lambda kept: kept[:-1], lambda kept: kept + b"0"])
def test_a_kept_template_gives_the_same_page(
    few: list[RunLog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
) -> None:
    """Whether it is whole, cut, or missing: what a process has kept saves time and changes nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pages = []
    for _ in range(2):
        template.cache_clear()
        pages.append(render(few, tmp_path / "page.html").read_bytes())
        kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        assert len(kept) == 2
        for file in kept:
            file.write_bytes(damage(file.read_bytes()))
    assert pages[0] == pages[1]


class Elements(HTMLParser):
    """Every element with its attributes, and the text of scripts and styles."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag if tag in self.texts else ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside].append(data)
            self._inside = ""


def test_the_page_needs_nothing_else(few: list[RunLog], tmp_path: Path) -> None:
    elements = Elements(render(few, tmp_path).read_text(encoding="utf-8"))
    assert not {tag for tag, _ in elements.found} & {
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
        "audio",
        "video",
    }
    names = {name for _, attributes in elements.found for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in ("src", "srcset", "style", "action")}


def test_the_policy_names_exactly_its_own_script_and_style(few: list[RunLog], tmp_path: Path) -> None:
    elements = Elements(render(few, tmp_path).read_text(encoding="utf-8"))
    policy = next(a["content"] for _, a in elements.found if a.get("http-equiv") == "Content-Security-Policy") or ""
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in (*elements.texts["style"], elements.texts["script"][-1])
    }
    assert set(re.findall(r"'sha256-[^']+'", policy)) == hashes


def test_the_same_runs_give_the_same_page(few: list[RunLog], tmp_path: Path) -> None:
    assert render(few, tmp_path / "a").read_bytes() == render(few, tmp_path / "b.html").read_bytes()


def test_pages_are_compared_by_what_they_say(
    few: list[RunLog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = render(few[:2], tmp_path / "a.html").read_text(encoding="utf-8")
    squeeze = zlib.compress
    monkeypatch.setattr(zlib, "compress", lambda data, level=6: squeeze(data, 1))
    other = render(few[:2], tmp_path / "b.html").read_text(encoding="utf-8")
    assert page != other
    assert content_of(page) == content_of(other)
    assert content_of(page) != content_of(render(few[1:3], tmp_path / "c.html").read_text(encoding="utf-8"))


def test_nothing_of_this_machine_is_in_the_page(few: list[RunLog], tmp_path: Path) -> None:
    assert str(few[0].folder.parent) not in render(few, tmp_path).read_text(encoding="utf-8")


@given(
    some.recursive(
        some.text() | some.none() | some.integers(-9, 9),
        lambda one: some.lists(one) | some.dictionaries(some.text(), one),
    )
)
def test_embedded_data_stays_inside_its_element(document: Any) -> None:
    text = embedded(document)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == json.loads(msgspec.json.encode(document))


@given(some.lists(some.dictionaries(some.text(), some.text())))
def test_a_pack_gives_back_what_was_packed(documents: list[Any]) -> None:
    assert unpacked(packed(documents)) == documents


def test_every_cell_has_its_details_and_every_detail_its_evidence(few: list[RunLog], tmp_path: Path) -> None:
    data = data_of(render(few, tmp_path))
    evidence = [unpacked(pack) for pack in data["evidence"]]
    rows = [row for pack in data["details"] for row in unpacked(pack)]
    assert len(rows) == len(data["rows"]) == 63
    seen = 0
    for row, cells in zip(data["rows"], rows, strict=True):
        for column, items in zip(data["columns"], cells, strict=True):
            assert bool(items) == (column["verdicts"][data["rows"].index(row)] != ".")
            for item in items:
                for path, pack, place in item.get("exchanges", []):
                    document = evidence[pack][place]
                    assert path.endswith(f"{document['mode']}.{document['attempt']}")
                    seen += 1
    kept = sum(len(case.exchanges) for run in few for case in run.cases)
    assert seen == kept + sum(len(law.findings) for run in few for law in run.rules)


def test_findings_come_first_where_there_is_no_room_for_all(few: list[RunLog]) -> None:
    matrix = matrix_of(few)
    packs, places = pack_evidence(matrix, budget=1)
    assert len(packs) == 1
    (pack,) = packs
    assert len(base64.b64decode(pack)) < PACK
    wanted = {
        (number, finding.exchange)
        for number, column in enumerate(matrix.columns)
        for case in column.log.cases
        if case.status in ("regression", "new", "improvement")
        for finding in case.findings
    }
    assert wanted
    assert wanted <= set(places)


def test_no_file_outside_of_the_run_is_read(tmp_path: Path) -> None:
    folder = synthetic_runs.make_run(tmp_path / "run")
    store = EvidenceStore(folder)
    name = next(iter(store))
    (tmp_path / "secret.json").write_bytes(store.line(name))
    log = (folder / FILE).read_text().replace(f'"{name}"', '"../../secret"')
    (folder / FILE).write_text(log)
    _, places = pack_evidence(matrix_of([read_log(folder)]))
    assert places
    assert not [path for _, path in places if ".." in path]


def test_missing_and_damaged_evidence_is_left_out(tmp_path: Path) -> None:
    folder = synthetic_runs.make_run(tmp_path / "run")
    store = EvidenceStore(folder)
    _, second, *rest = store
    lines = [b'{"id":"%s"}' % second.encode(), *(store.line(name) for name in rest)]
    remove_evidence(folder)
    (folder / PLAIN).write_bytes(b"\n".join(lines) + b"\n")
    _, places = pack_evidence(matrix_of([read_log(folder)]))
    assert len(places) == len(rest)


def test_long_bodies_are_cut_between_characters(tmp_path: Path) -> None:
    matrix = matrix_of([read_log(synthetic_hostile.hostile_run(tmp_path, megabytes=0.3))])
    packs, places = pack_evidence(matrix)
    documents = [unpacked(pack) for pack in packs]
    long = max((document for pack in documents for document in pack), key=lambda one: one["answer"]["cut"])
    text = "".join(chunk for _, chunk in long["answer"]["chunks"])
    assert len(text) == TEXT_LIMIT
    assert long["answer"]["cut"] > 100_000
    assert len(places) == 40


def test_no_run_gives_a_page_that_says_so(tmp_path: Path) -> None:
    assert "No run was given" in render([], tmp_path).read_text(encoding="utf-8")


def test_the_figures_of_the_suite_itself_are_shown(few: list[RunLog], tmp_path: Path) -> None:
    figures = tmp_path / "detection.json"
    told = {
        "faults": {"killed": 131, "of": 134},
        "variants": {"false_alarms": 0, "of": 24},
        "mutants": {"killed": 4, "of": 5, "equivalent": 1},
        "readiness": {"works": {"ready": 97, "not ready": 2}},
    }
    figures.write_text(json.dumps(told))
    text = re.sub(
        r"\s+", " ", re.sub(r"<[^>]+>", " ", render(few, tmp_path, detection=figures).read_text(encoding="utf-8"))
    )
    assert "faults found, for the right reason 131 of 134" in text
    assert "false alarms on legal variants 0 of 24" in text
    assert "mutants of the rules killed 4 of 5, 1 equivalent" in text
    assert "the client ready ready with limits not ready not verified works 97 0 2 0" in text
    assert "Does the suite find bugs?" not in render(few, tmp_path, detection=tmp_path / "none.json").read_text()


def test_an_incomplete_run_and_a_weak_model_are_said_first(tmp_path: Path) -> None:
    run = synthetic_runs.make_run(tmp_path / "run", complete=False, obeyed=(4, 60), with_evidence=False)
    text = render([read_log(run)], tmp_path).read_text(encoding="utf-8")
    assert text.index("this run is incomplete") < text.index('id="matrix"')
    assert text.index("the model, not the server, limits this run") < text.index('id="matrix"')


def test_readiness_names_what_is_missing_and_what_it_means(few: list[RunLog], tmp_path: Path) -> None:
    text = render(few[-6:], tmp_path).read_text(encoding="utf-8")
    assert "Can I run Claude Code on it?" in text
    assert "Text and tool calls are mixed up." in text
    section = text[text.index('id="readiness"') : text.index('id="changed"')]
    assert section.count("</i>not ready<") == 3
    assert section.count("</i>ready with limits<") == 3


def test_the_first_view_has_one_line_per_server(few: list[RunLog], tmp_path: Path) -> None:
    servers = {server.column.log.run.target.name: server for server in servers_of(matrix_of(few))}
    assert list(servers) == ["reference", "litellm", "ollama"]
    ollama = servers["ollama"]
    assert [version.label for version in ollama.versions][-1] == ollama.column.log.run.target.version
    assert len(ollama.versions) == 6
    assert all(0 < version.supported <= version.of for version in ollama.versions)
    assert ollama.level.startswith("no level; ")
    assert [client.name.startswith("Claude Code") for client in ollama.clients] == [True]
    assert ollama.first is not None
    assert servers["reference"].first is None
    text = render(few, tmp_path).read_text(encoding="utf-8")
    assert text.index('<table class="servers">') < text.index('id="matrix"')


def test_clients_of_one_verdict_share_a_line(tmp_path: Path) -> None:
    log = read_log(synthetic_runs.make_run(tmp_path / "run", with_evidence=False))
    row = log.readiness[0]
    older: list[tuple[str, ReadinessVerdict]] = [("Claude Code 2", row.verdict), ("Claude Code 1", row.verdict)]
    older.append(("Claude Code 0", "not verified"))
    versions = [VersionReadiness(client=name, verdict=verdict) for name, verdict in older]
    newest = replace(row, client="Claude Code 3", versions=versions)
    (server,) = servers_of(matrix_of([replace(log, readiness=(newest,))]))
    assert [(one.name, one.others) for one in server.clients] == [
        ("Claude Code 3", ("Claude Code 2", "Claude Code 1")),
        ("Claude Code 0", ()),
    ]


def test_a_session_of_the_real_client_stands_beside_the_server_it_was_held_on(few: list[RunLog]) -> None:
    newest = {server.column.log.run.target.name: server for server in servers_of(matrix_of(few))}
    version = newest["litellm"].column.log.run.target.version
    assert version is not None
    held = ClientSession(server="litellm", versions=[version], client="Claude Code 9", outcome="wrong", seen="Lost.")
    shown = {server.column.log.run.target.name: server.session for server in servers_of(matrix_of(few), [held])}
    assert shown == {"reference": None, "litellm": held, "ollama": None}
    other = replace(held, versions=["0.0.1"])
    assert all(server.session is None for server in servers_of(matrix_of(few), [other]))


def test_the_cell_of_a_rule_that_is_broken_says_what_the_sdks_make_of_such_answers(few: list[RunLog]) -> None:
    broken = {row.rule for log in few for row in log.rules if row.verdict == "broken"}
    told = page_data(matrix_of(few))["readings"]
    about = {rule for rule in broken if readings_of(rule, read_readings())}
    assert about
    assert about <= set(told)
    assert all(1 <= len(lines) <= 3 and all("python " in line for line in lines) for lines in told.values())


def test_the_trend_stands_where_versions_do(few: list[RunLog], tmp_path: Path) -> None:
    assert "ollama (simulated): rows by verdict" in render(few, tmp_path).read_text(encoding="utf-8")
    assert "rows by verdict" not in render(few[:2], tmp_path).read_text(encoding="utf-8")


def test_each_module_comes_once_after_those_that_it_imports(tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text('import { two } from "./two.js";\nimport { one } from "./one.js";\ntwo(one);\n')
    (tmp_path / "two.js").write_text('import {\n  one,\n} from "./one.js";\nexport function two() {}\n')
    (tmp_path / "one.js").write_text("export const one = 1;\n")
    lines = joined(tmp_path, "main.js").split()
    assert [word for word in lines if word in ("one", "two()", "two(one);")] == ["one", "two()", "two(one);"]


def test_modules_may_import_each_other(tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text('import { b } from "./b.js";\nexport function a() {}\nb();\n')
    (tmp_path / "b.js").write_text('import { a } from "./main.js";\nexport function b() {}\n')
    assert joined(tmp_path, "main.js").count("function") == 2


def test_the_page_holds_every_script_and_no_import() -> None:
    script = joined(SOURCES, ENTRY)
    assert '"./' not in script
    for source in SOURCES.glob("*.js"):
        assert source.read_text().split("*/")[0] in script, source.name
