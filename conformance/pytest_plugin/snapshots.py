"""Snapshots of the shapes of answers, kept by syrupy: a file per case and mode below `reports/snapshots/<target>/`."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation
from syrupy.types import PropertyFilter, PropertyMatcher, SerializableData, SerializedData, SnapshotIndex

from conformance.engine.ledger import Drift
from conformance.engine.question import Record
from conformance.judge.shape import shape_of
from conformance.pytest_plugin.plugin import ConformancePlugin


def extension_for(folder: Path) -> type[SingleFileSnapshotExtension]:
    """The syrupy extension that keeps shapes in this folder, named by case and mode."""

    class ShapeExtension(SingleFileSnapshotExtension):
        _write_mode = WriteMode.TEXT
        file_extension = "json"

        def serialize(
            self,
            data: SerializableData,
            *,
            exclude: PropertyFilter | None = None,  # noqa: ARG002 - the signature is the library's
            include: PropertyFilter | None = None,  # noqa: ARG002
            matcher: PropertyMatcher | None = None,  # noqa: ARG002
        ) -> SerializedData:
            return msgspec.json.format(msgspec.json.encode(data), indent=1).decode() + "\n"

        @classmethod
        def dirname(cls, *, test_location: PyTestLocation) -> str:  # noqa: ARG003
            return str(folder)

        @classmethod
        def get_snapshot_name(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:  # noqa: ARG003
            return str(index)

    return ShapeExtension


class ShapesPlugin:
    """Gives every item of pytest its own comparison of shapes, which syrupy binds to the item."""

    def __init__(self, plugin: ConformancePlugin, folder: Path) -> None:
        self._plugin = plugin
        self._folder = folder
        self._extension = extension_for(folder)

    @pytest.fixture(autouse=True)
    def shapes(self, snapshot: Any) -> None:
        self._plugin.drift = drift_of(snapshot.use_extension(self._extension), self._folder)


def drift_of(snapshot: Any, folder: Path) -> Drift:
    """Compares the last answer of a record with its snapshot; a question without one has nothing to drift from."""

    def drifts(record: Record) -> bool:
        if not record.attempts or not record.attempts[-1].replies:
            return False
        name = f"{record.question.case.id}.{record.question.mode}"
        new = not (folder / f"{name}.json").exists()
        shape = shape_of(record.attempts[-1].replies[-1].answer)
        return not (snapshot(name=name) == shape or new)

    return drifts
