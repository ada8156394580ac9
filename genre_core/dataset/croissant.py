"""The description of a dataset in Croissant, the format of MLCommons, version 1.1.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from genre_core.dataset.exported import Column, Kind, Table, TableFile
from genre_core.records import LEARNING_SPLITS

PARQUET = "application/x-parquet"
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {
    Kind.COUNT: "sc:Integer",
    Kind.SECONDS: "sc:Float",
    Kind.ARRAY: "sc:Float",
    Kind.AUDIO: "sc:AudioObject",
}
_SPLITS = "splits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A dataset as a whole; ``published`` is a date, ``licences`` are those of its songs."""

    name: str
    about: str
    version: str
    published: str
    licences: Sequence[str]


def describe_croissant(
    described: Description, tables: Sequence[Table], files: Sequence[TableFile]
) -> dict[str, Any]:
    """Return the document of a dataset: its files with their digests, and a record set a table."""
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": described.name,
        "description": described.about,
        "version": described.version,
        "datePublished": described.published,
        "creator": {"@type": "sc:Organization", "name": "genreflow"},
        "citeAs": f"{described.name}, exported by genreflow, {described.published}",
        "license": list(described.licences),
        "distribution": [*map(_file_object, files), *map(_file_set, tables)],
        "recordSet": [_split_records(), *map(_record_set, tables)],
    }


def _file_object(file: TableFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "contentUrl": file.name,
        "contentSize": f"{file.n_bytes} B",
        "encodingFormat": PARQUET,
        "sha256": file.sha256,
    }


def _file_set(table: Table) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{table.name}-files",
        "name": f"{table.name}-files",
        "encodingFormat": PARQUET,
        "includes": f"{table.folder}/*.parquet",
    }


def _split_records() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": _SPLITS,
        "name": _SPLITS,
        "dataType": "cr:Split",
        "key": {"@id": f"{_SPLITS}/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"{_SPLITS}/name", "name": "name", "dataType": "sc:Text"}
        ],
        "data": [{f"{_SPLITS}/name": str(split)} for split in LEARNING_SPLITS],
    }


def _record_set(table: Table) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": table.about,
        "field": [_field(table, column) for column in table.columns],
    }


def _field(table: Table, column: Column) -> dict[str, Any]:
    source: dict[str, Any] = {
        "fileSet": {"@id": f"{table.name}-files"},
        "extract": {"column": column.name},
    }
    if column.kind is Kind.AUDIO:
        source["transform"] = {"jsonPath": "bytes"}
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table.name}/{column.name}",
        "name": column.name,
        "description": column.about,
        "dataType": _TYPES.get(column.kind, "sc:Text"),
        "source": source,
    }
    if column.shape:
        field["isArray"] = True
        field["arrayShape"] = ",".join(map(str, column.shape))
    if column.name == "split":
        field["references"] = {"field": {"@id": f"{_SPLITS}/name"}}
    return field
