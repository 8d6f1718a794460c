"""The modules of the page become one script, each once and after what it imports."""

from pathlib import Path

from conformance.report.html import ENTRY, SOURCES, joined


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
