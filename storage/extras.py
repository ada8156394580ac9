"""Parts that are installed on request, the extras of pyproject.toml, and how to install them."""

import json
import shlex
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from urllib.parse import unquote, urlsplit

from genre_core.errors import UsageError

NAME = "genreflow"
TRAINING = (
    *("keras", "matplotlib", "mlflow", "pandas", "pretty_midi", "pyarrow"),
    *("scipy", "sklearn", "sqlalchemy", "symusic", "tensorboard", "tensorflow", "yaml"),
)
EXTRAS = {
    "train": TRAINING,
    "download": ("yt_dlp",),
    "nightly": ("prefect", "yt_dlp", *TRAINING),
    "dask": ("distributed", "prefect_dask"),
    "onnx": ("onnx", "onnxruntime", "tf2onnx"),
}
"""The modules that each extra brings; the first extra that has a module is the one to install."""


class ExtraMissing(UsageError):
    """Packages of an extra are not installed."""

    code = "missing-extra"


def is_installed(extra: str) -> bool:
    """Whether all modules of an extra can be imported; none is."""
    return all(map(has_module, EXTRAS[extra]))


def has_module(module: str) -> bool:
    """Whether a module can be imported; it is not."""
    try:
        return find_spec(module) is not None
    except ValueError:  # it was put into `sys.modules` as missing, or half imported
        return False


def require_extra(extra: str, purpose: str, otherwise: str = "") -> None:
    """Refuse what an extra is missing for; call it before anything is written.

    The message begins with the purpose, such as "Training", and ends with what else may be done.
    """
    if not is_installed(extra):
        raise ExtraMissing(describe_missing(extra, purpose, otherwise))


def describe_missing(extra: str, purpose: str, otherwise: str = "") -> str:
    """Describe that an extra is missing and how to install it."""
    ending = f", or {otherwise}" if otherwise else ""
    return (
        f"{purpose} needs packages that are not installed. Install them: "
        f"`{install_command(extra)}`{ending}."
    )


def how_to_begin() -> str:
    """Return what fills an empty home: a run, or what does without the extras of one."""
    if is_installed("nightly"):
        return "Run `genreflow run MUSIC`"
    return (
        "Import a model that was made elsewhere (`genreflow import-model FOLDER`), ingest music "
        f"(`genreflow ingest MUSIC`), install what trains models (`{install_command('nightly')}`)"
    )


def explain_missing(error: ModuleNotFoundError) -> ExtraMissing | None:
    """Return what to say of a module that is missing; None if it belongs to no extra."""
    module = (error.name or "").partition(".")[0]
    extra = next((name for name, modules in EXTRAS.items() if module in modules), None)
    return ExtraMissing(describe_missing(extra, "This")) if extra else None


def install_command(extra: str) -> str:
    """Return the command that adds an extra to this installation, made as this one was made."""
    try:
        installed = distribution(NAME)
    except PackageNotFoundError:  # run from its folder, without an installation
        return f"pip install '{NAME}[{extra}]'"
    environment = Path(sys.prefix)
    if (environment / "uv-receipt.toml").exists():
        return f"uv tool install {_requirement(installed, _with_present(extra))}"
    if (environment / "pipx_metadata.json").exists():
        python = shlex.quote(str(Path(sys.executable).resolve()))
        pipx = f"pipx install --force --python {python}"  # pipx changes to its own Python otherwise
        return f"{pipx} {_requirement(installed, _with_present(extra))}"
    return f"{_installer(installed)} {_requirement(installed, [extra])}"


def _with_present(extra: str) -> list[str]:
    """The extra and those that are here: an application is installed anew as a whole."""
    return sorted({extra, *filter(is_installed, EXTRAS)})


def _installer(installed: Distribution) -> str:
    python = Path(sys.executable)
    if (installed.read_text("INSTALLER") or "").strip() == "uv":
        return f"uv pip install --python {shlex.quote(str(python))}"
    on_path = which("pip")
    is_ours = on_path is not None and Path(on_path).parent == python.parent
    return "pip install" if is_ours else f"{shlex.quote(str(python))} -m pip install"


def _requirement(installed: Distribution, extras: Iterable[str]) -> str:
    """Name the package as an installer takes it: from the index, a folder or a file."""
    named = f"{NAME}[{','.join(extras)}]"
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    url = origin.get("url", "")
    if origin.get("dir_info", {}).get("editable"):
        folder = unquote(urlsplit(url).path)
        return f"-e {shlex.quote(folder + named.removeprefix(NAME))}"
    return shlex.quote(f"{named} @ {url}" if url else named)
