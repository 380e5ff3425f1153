"""The layers of the package: imports go strictly downwards, and modules of one layer do not know each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import evol

SOURCE = Path(evol.__file__).parent

LAYERS: dict[str, tuple[str, ...]] = {
    "0  errors, and the version": ("errors", ""),
    "1a values that others are composed of": (
        "figures",
        "draws",
        "interrupts",
        "words",
        "differences",
        "shards",
        "slowing",
    ),
    "1b values": ("records",),
    "1c values that stand on these": ("runfigures",),
    "2a needs nothing but values": (
        *("files", "config", "cost", "rates", "adaptive", "formats", "extras"),
        *("speed", "diversity", "flaws", "evaluation", "evaluation.records"),
        *("elimination", "elimination.texts", "elimination.lexicon", "elimination.imperatives"),
        *("sample", "spread", "markup", "charts", "offsets", "calltotals"),
    ),
    "2b needs files, config or measures of a text": (
        *("seeds", "templates", "packfile", "chat", "health", "throttle", "tokens", "evaluation.resampling"),
        *("elimination.languages", "elimination.phrases", "elimination.tasks", "elimination.requests"),
        *("elimination.signs", "elimination.scaffold"),
        *("fate_charts", "text_charts", "time_charts", "textmap", "vectors"),
    ),
    "2c needs prompt templates; what the backends begin with": ("packs", "backends", "backends.blotting"),
    "2d texts read": (*("cleaning", "elimination.readings", "elimination.replies", "elimination.references"),),
    "2e signs read": ("elimination.asking", "elimination.statements", "elimination.loops", "elimination.paper"),
    "2f signs weighed": ("elimination.answered", "elimination.materials"),
    "2g rules": ("elimination.rules",),
    "3  pure steps; what is kept; the shape of a backend": (
        "evolver",
        "eliminator",
        "responder",
        "scorer",
        "journal",
        "folder",
        "backends.client",
        "duplicates",
        "evaluation.inputs",
        "evaluation.judging",
        "evaluation.figures",
        "evaluation.html",
    ),
    "3b what stands on these: batch files": ("backends.base", "batchfiles"),
    "3c the calls of the Batch API; requests that are out": ("backends.batchclient", "batchstore"),
    "3d a Batch API with patience": ("backends.batchservice",),
    "4a backends, and the way to them; charts and ballots; shards joined": (
        "joining",
        *("backends.endpoint", "backends.batch", "backends.local", "backends.scripted", "routing"),
        *("evaluation.charts", "evaluation.ballot"),
    ),
    "4b what calls take; embeddings": ("accounts", "backends.embedder"),
    "4c calls": ("gateway",),
    "5  the method": ("lineage", "spool", "evaluation.counting"),
    "5b the method without a model": ("replay",),
    "6a a mix: options, texts, and what knows one optional library each": (
        "mixing",
        "mixing.options",
        "mixing.private",
        "mixing.language",
        "mixing.columns",
        "mixing.hub",
        "mixing.rows",
        "mixing.choosing",
    ),
    "6b a mix: what stands on these": (
        "mixing.benchmark",
        "mixing.near",
        "mixing.gates",
        "mixing.outputs",
        "mixing.cardfacts",
    ),
    "6c a mix: duplicates, contamination, the card's head": (
        "mixing.duplicates",
        "mixing.contamination",
        "mixing.metadata",
        "mixing.report",
    ),
    "6d a mix: the first pass, the card": ("mixing.survey", "mixing.card"),
    "6e a mix: the second pass": ("mixing.writing",),
    "6f inputs and outputs": (
        *("checks", "projection", "merge", "pricing", "session", "rows", "scores", "evaluation.jobs"),
        *("progresslog", "journaltail"),
    ),
    "6g what rows say, how they are rated": ("survey", "rating", "breadth"),
    "6h what is checked before rating": ("scorechecks",),
    "7a commands; a file that a command makes": (
        "pipeline",
        "lookup",
        "plan",
        "stats",
        "scoring",
        "catalog",
        "evaluation.target",
        "timeline",
        "status",
    ),
    "7b commands that make one file; what stands on a run": (
        *("waves", "evaluation.filework", "evaluation.respond"),
        *("launch", "collectchecks"),
    ),
    "7c what stands on these": ("evaluation.compare", "evaluation.estimate", "collect", "worker"),
    "7d shards on a cluster": ("cluster",),
    "8a events on the terminal; what a report shows": ("progress", "report_data"),
    "8b tables and sentences on the terminal": (
        "tables",
        "texts",
        "reading",
        *("console", "flags"),
        "report_figures",
        "evaluation.tables",
    ),
    "8c tables that look like others": ("breadth_tables",),
    "8d lines and pages that quote others": (
        *("status_text", "comparison", "report", "evaluation.texts", "evaluation.page"),
    ),
    "9a what commands tell": ("telling", "batch_commands", "evaluation.commands"),
    "9b commands for more than one machine": ("scaling",),
    "9c the command line": ("cli",),
}
"""From bottom to top. A module may import any layer below its own, and nothing of its own layer.

Layers 2 and 8 of the design have storeys: seed and template readers stand on `files`, `chat` stands on `config`, packs
stand on templates, the rules on what reads a text; tables clean their text as progress does. Layer 6 has six: `merge`
is composed of the parts in `mixing`.
"""

HEIGHTS = {module: height for height, modules in enumerate(LAYERS.values()) for module in modules}

OWNERS = {
    "aiohttp": {"backends.client", "backends.batchclient"},
    # the client names the reply's type, for checkers alone
    "openai": {"backends.endpoint", "backends.embedder", "backends.client"},
    "genai_prices": {"cost"},
    "xllamacpp": {"backends.local", "backends.embedder"},
    "typer": {"cli", "telling", "batch_commands", "console", "flags", "evaluation.commands", "scaling"},
    "tqdm": {"progress"},
    "rich": {"tables", "comparison", "breadth_tables", "reading", "evaluation.tables"},
    "rensa": {"duplicates", "mixing.near"},
    "rapidfuzz": {"duplicates", "mixing.near", "mixing.contamination"},
    "tokenizers": {"tokens"},
    "altair": {"charts", "fate_charts", "text_charts", "time_charts"},
    "vl_convert": {"charts"},
    "numpy": {"spread", "textmap", "vectors"},
    "sklearn": {"textmap"},
    "html": {"markup", "evaluation.html"},
    "uvloop": {"session"},
    "pyarrow": {"mixing.columns"},
    "py3langid": {"mixing.language"},
    "huggingface_hub": {"mixing.hub"},
    "ray": {"cluster"},
    "tomllib": {"config", "packfile"},
    "fcntl": {"files"},
    "signal": {"interrupts"},
    "resource": {"session"},
    "random": set(),
    "jinja2": set(),
    "pickle": set(),
    "requests": set(),
    "httpx": set(),
}
"""Who may import what: a library is known in one place; a shared random stream and a template language nowhere."""

IMPURE_LIBRARIES = {"os", "io", "sys", "pathlib", "time", "datetime", "asyncio", "socket", "subprocess", "tempfile"}


def find_modules() -> dict[str, Path]:
    """Name inside the package ("" for the package itself) and file of every module."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = find_modules()

PURE: tuple[str, ...] = (
    *("draws", "shards", "records", "cleaning", "chat", "evolver", "eliminator", "responder", "formats", "lineage"),
    "replay",
    *("evaluation.records", "evaluation.resampling", "evaluation.figures", "evaluation.charts"),
    *("mixing.private", "mixing.choosing"),
    *("figures", "words", "differences", "speed", "spread", "diversity", "flaws", "scorer", "rating"),
    *(name for name in MODULES if name.startswith("elimination.")),
)
"""Modules that touch no file, clock, network or environment."""


def find_imports(source: str) -> Iterator[str]:
    """Full names of everything a source imports, at its head, inside functions and for type checkers alike."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(level=0):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            case ast.ImportFrom():
                yield from (f"evol.?relative.{alias.name}" for alias in node.names)


def find_internal_imports(source: str) -> set[str]:
    """Modules of this package that a source imports."""
    found = set()
    for name in find_imports(source):
        if name == "evol" or name.startswith("evol."):
            inner = name.removeprefix("evol").removeprefix(".")
            # `from evol.x import y` names a module y of x, or something inside x
            found.add(inner if inner in MODULES else inner.rpartition(".")[0])
    return found


def find_external_imports(source: str) -> set[str]:
    """Top-level names of other packages that a source imports."""
    return {name.partition(".")[0] for name in find_imports(source)} - {"evol"}


def check_layers(module: str, source: str) -> list[str]:
    """What a module imports although it may not."""
    return sorted(
        imported or "evol"
        for imported in find_internal_imports(source)
        if imported not in HEIGHTS or HEIGHTS[imported] >= HEIGHTS[module]
    )


def test_every_module_has_one_layer() -> None:
    """A new module must be given its place; a removed one must leave the table."""
    placed = [module for modules in LAYERS.values() for module in modules]
    assert sorted(placed) == sorted(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_strictly_downwards(module: str) -> None:
    """No module imports its own layer or one above."""
    assert check_layers(module, MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("files", "from evol.seeds import read_seeds", ["seeds"]),
        ("seeds", "from evol.packs import Pack", ["packs"]),
        ("errors", "import evol.cli", ["cli"]),
        ("lineage", "from evol import gateway, pipeline", ["pipeline"]),
        ("lineage", "def f():\n    from evol.merge import merge", ["merge"]),
        ("lineage", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from evol.stats import x", ["stats"]),
        ("backends.local", "from evol.backends import endpoint", ["backends.endpoint"]),
        ("merge", "from . import formats", ["?relative"]),
        ("merge", "from evol import __version__\nfrom evol.formats import FORMATS", []),
    ],
)
def test_a_violation_is_seen(module: str, source: str, found: list[str]) -> None:
    """The walk above finds imports upwards and sideways wherever they stand."""
    assert check_layers(module, source) == found


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_known_in_one_place(library: str) -> None:
    """What could be exchanged, and what must not be used, is imported nowhere else."""
    users = {name for name, path in MODULES.items() if library in find_external_imports(path.read_text("utf-8"))}
    assert users <= OWNERS[library]


@pytest.mark.parametrize("module", PURE)
def test_the_heart_is_pure(module: str) -> None:
    """Steps and rules touch no file, clock, network or environment."""
    assert find_external_imports(MODULES[module].read_text("utf-8")) & IMPURE_LIBRARIES == set()


@pytest.mark.parametrize("module", MODULES)
def test_modules_stay_readable(module: str) -> None:
    """No module grows beyond what can be read at one sitting, and none is a bag of utilities."""
    assert len(MODULES[module].read_text("utf-8").splitlines()) < 500
    assert module.rpartition(".")[2] not in ("utils", "helpers", "common", "misc")
