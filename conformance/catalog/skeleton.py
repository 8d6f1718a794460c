"""`conformance new ID`: a case file that loads at once and says what is left to fill in."""

from pathlib import Path

from conformance.catalog.load import ID, Catalog
from conformance.catalog.problem import CatalogError, Problem, nearest, shown

TEMPLATE = """\
# yaml-language-server: $schema={schema}
family: {family}
about: One sentence that says what these cases are about.
cases:
{case}"""

CASE = """\
  - id: {id}
    title: One sentence that says what the endpoint does when it is right
    surface: {surface}  # the row of cases/surface.yaml
    kind: witnessed
    control: messages.text
    spec:
      url: https://platform.claude.com/docs/en/api/messages
      says: The claim in our own words.
    ask:
      body:
        max_tokens: 256
        messages: [{{role: user, content: "Reply with exactly: {{nonce}}"}}]
    effect: [{{at: text, contains: "{{nonce}}"}}]
    faults: ["refuse:messages"]
"""


def write_skeleton(catalog: Catalog, id_: str, surface: str = "request.messages") -> Path:
    """Writes a case with this id into the file of its family, which it makes where there is none; returns the file.

    The id says where: `tools.choice.tool` is the case `tool` of `tools/choice.yaml`, `stop.max-tokens` of
    `stop/stop.yaml`. CatalogError when the id is no id or is taken.
    """
    area, *middle = id_.split(".")[:-1] or [id_]
    folder = catalog.folder / area
    file = folder / f"{'-'.join(middle) or area}.yaml"
    if not ID.fullmatch(id_):
        says = f"`{id_}` is no id: words of a-z, 0-9 and hyphens, joined by dots, such as `tools.choice.tool`"
        raise CatalogError([Problem(shown(file), 1, "id", says)])
    if id_ in catalog.cases:
        origin = catalog.origins[id_]
        raise CatalogError([Problem(shown(origin.file), origin.line, "id", f"the case {id_} stands here already")])
    if surface not in catalog.rows:
        says = f"there is no row {surface}{nearest(surface, catalog.rows)}"
        raise CatalogError([Problem(shown(file), 1, "surface", says)])
    case = CASE.format(id=id_, surface=surface)
    if file.is_file():
        text = file.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + case
    else:
        family = ".".join((area, *middle))
        text = TEMPLATE.format(schema="../case.schema.json", family=family, case=case)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file
