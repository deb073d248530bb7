"""Write the pages that are taken from the program itself: cli.md, errors.md, settings.md, protocols.md. Run by `make docs`; tests compare."""

import ast
import inspect
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
NOTE = "<!-- written by docs/generate.py; change the program, then run `make docs` -->\n\n"


def pages() -> dict[str, str]:
    """File name -> text."""
    return {
        "cli.md": cli_page(),
        "errors.md": errors_page(),
        "settings.md": settings_page(),
        "protocols.md": protocols_page(),
        **pictures(),
    }


def cli_page() -> str:
    """Every command with its arguments and options."""
    import typer

    from stf2m.app.cli import app

    group: Any = typer.main.get_command(app)
    text = NOTE + "# Command line\n\n" + (
        "Results go to standard output, remarks to standard error. `--json` gives one JSON document, `--quiet` leaves remarks out.\n"
        "A mistake is answered with one sentence and an [exit code](errors.md) of its own; 2 is a wrong command line, 130 an interrupt.\n"
        "`stf2m --install-completion` sets up completion for your shell.\n"
    )  # fmt: skip
    for name, command in group.commands.items():
        text += f"\n## stf2m {name}\n{clean(command.help or '')}\n\n| | |\n|---|---|\n"
        for parameter in command.params:
            text += f"| {_spelling(parameter)} | {_meaning(parameter)} |\n"
    return text


def _spelling(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or parameter.name).upper()}`" + ("" if parameter.required else " (optional)")
    return ", ".join(f"`{option}`" for option in [*parameter.opts, *parameter.secondary_opts])


def _meaning(parameter: Any) -> str:
    text = clean(getattr(parameter, "help", None) or "")
    default = parameter.default
    text += f" Environment: `{parameter.envvar}`." if getattr(parameter, "envvar", None) else ""
    return text if default in (None, False, True, (), [], "") or callable(default) else f"{text} Default: {default}.".strip()


def errors_page() -> str:
    """The error tree as a table."""
    from stf2m.core import errors

    text = (
        NOTE
        + "# Errors and exit codes\n\nEvery message is one sentence: where, what is wrong, what was expected, what came, what to do next.\n\n"
    )
    text += "| exit code | error | when |\n|---|---|---|\n"
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.Stf2mError) and not kind.__subclasses__():
            text += f"| {kind.exit_code} | `{kind.__name__}` | {clean(kind.__doc__ or '')} |\n"
    return text + "\nOutcomes that are to be expected, such as a poor signal, are statuses of a prediction and not errors.\n"


def settings_page() -> str:
    """Every settings record with its keys, defaults and meanings."""
    from stf2m.core.config import Settings

    text = (
        NOTE
        + "# Settings\n\nUnknown keys are refused. What a study and a bundle were made with, every default filled in, is saved beside them.\n"
    )
    text += (
        "A study file is `Study`: `[recipe]` is `Recipe`, `[training]` and `[learners.NAME]` are `TrainConfig`, `[training.network]` is `NetworkConfig`,\n"
        "`[training.tasks]` is `TaskSettings`, and every `[[protocols]]` has a `name` (of [protocols](protocols.md)) and the keys of that protocol.\n"
        "A mapping of somebody's tables is `TablesMapping`: `[card]` is `DatasetCard`, `[index]` is `Index`, `[streams.NAME]` are `StreamMap`.\n"
    )
    text += targets_table() + units_table()
    for module in settings_modules():
        for name, kind in vars(module).items():
            if isinstance(kind, type) and issubclass(kind, Settings) and kind.__module__ == module.__name__ and kind.model_fields:
                text += f"\n## {name}\n{clean(kind.__doc__ or '')}\n\n| key | type | default | meaning |\n|---|---|---|---|\n"
                text += "".join(_field_row(kind, key) for key in kind.model_fields)
    return text


def targets_table() -> str:
    """Every target with its classes and cuts."""
    from stf2m.core.emotions import TARGETS

    text = (
        "\n## Targets\nWhat `targets` may name. Cuts are on the 1..9 scale; a value equal to a cut belongs to the upper class. `emotion` takes the names of the data\n"
        "set's card. The class names are those of a labels file.\n\n| target | classes | cuts |\n|---|---|---|\n| `emotion` | as the data set names them | |\n"
    )
    for target in TARGETS.values():
        cuts = ", ".join(f"{cut:g}" for cut in target.cuts) or "valence and arousal as numbers"
        text += (
            f"| `{target.name}` | {', '.join(target.emotions)} | {cuts}{', of the places of named emotions' if target.named else ''} |\n"
        )
    return text


def units_table() -> str:
    """Every unit that a stream may be in, with what it is converted to and the values that are believed."""
    from stf2m.core.units import CONVERT, PLAUSIBLE

    text = (
        "\n## Units\nWhat `unit` of a stream, and the end of a column name such as `eda_uS`, may be; µS is uS, °C is degC, m/s² is m/s2. `au` is an arbitrary unit\n"
        "(Empatica's BVP, intensity of an action unit), `level` the amplitude of sound. A channel whose median is not plausible is refused.\n\n"
        "| unit | stored as | plausible |\n|---|---|---|\n"
    )
    for unit, (default, _, _) in CONVERT.items():
        low, high = PLAUSIBLE.get(default, (None, None))
        text += f"| `{unit}` | `{default}` | {'any number' if low is None else f'{low:g} to {high:g} {default}'} |\n"
    return text


def cards() -> dict[str, Any]:
    """Card hash -> protocol: every protocol as it is by default, then as the committed studies ask it."""
    from stf2m.evaluation.protocols import PROTOCOLS
    from stf2m.evaluation.study import load_study

    studies = [load_study(path) for path in sorted((HERE.parent / "studies").glob("*.toml"))]
    asked = [kind() for kind in PROTOCOLS.values()] + [protocol for study in studies for protocol in study.asked]
    return {protocol.card.hash: protocol for protocol in asked}


def protocols_page() -> str:
    """The card of every protocol: words, picture, hash, settings; numbers in results.md link here by the hash."""
    from stf2m.evaluation.protocols import PROTOCOLS

    found = cards()
    text = NOTE + "# Protocols\n\n" + (
        "A protocol says who is new, what may be labelled and what is scored. Every number links to the card of its protocol: the words and the picture\n"
        "stand for exactly the settings under them, and the hash changes when any setting does. The first card of a protocol has its default settings, the\n"
        "others are those of the committed studies. [How to add one](how-to/protocol.md).\n"
    )  # fmt: skip
    for name in PROTOCOLS:
        text += f"\n## {name}\n"
        for key, protocol in found.items():
            if protocol.name == name:
                shown = ", ".join(f"`{k} = {v!r}`" for k, v in protocol.card.settings.items())
                text += f'\n<a id="{key}"></a>\n### {key}\n{protocol.card.words}\n\n![{protocol.heading}]({_picture_file(protocol)})\n\nSettings: {shown}.\n'
    return text


def pictures() -> dict[str, str]:
    """File name -> SVG; cards that look alike share one."""
    return {_picture_file(protocol): f"{protocol.card.picture}\n" for protocol in cards().values()}


def _picture_file(protocol: Any) -> str:
    import hashlib

    return f"figures/protocols/{protocol.name}-{hashlib.sha256(protocol.card.picture.encode()).hexdigest()[:6]}.svg"


def settings_modules() -> list[ModuleType]:
    """The modules whose settings people write in files."""
    import importlib

    names = (
        "data.mapping",
        "data.datasets.base",
        "prepare.recipe",
        "model.config",
        "tasks.sampling",
        "training.config",
        "evaluation.protocols",
        "evaluation.study",
    )
    found = []
    for name in names:
        module = importlib.import_module(f"stf2m.{name}")
        found += [importlib.import_module(f"stf2m.{name}.{p.stem}") for p in package_files(module)] or [module]
    return found


def package_files(module: ModuleType) -> list[Path]:
    """Files of a package, none for a plain module."""
    return sorted(p for p in Path(module.__path__[0]).glob("[a-z]*.py")) if hasattr(module, "__path__") else []


def _field_row(kind: Any, key: str) -> str:
    field = kind.model_fields[key]
    kind_text = field.annotation.__name__ if isinstance(field.annotation, type) else str(field.annotation).replace("typing.", "")
    default = "required" if field.is_required() else field.get_default(call_default_factory=True)
    shown = default if default == "required" else f"`{default!r}`"
    if hasattr(type(default), "model_fields"):
        shown = f"see {type(default).__name__}"
    return f"| `{key}` | {escape(kind_text)} | {escape(shown)} | {escape(meanings(kind).get(key, ''))} |\n"


def meanings(kind: type) -> dict[str, str]:
    """field -> the text that stands under it in the source."""
    found: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        if parent.__module__.startswith("stf2m."):
            body = ast.parse(textwrap.dedent(inspect.getsource(parent))).body[0]
            assert isinstance(body, ast.ClassDef)
            for field, after in zip(body.body, body.body[1:]):
                if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    found[ast.unparse(field.target)] = clean(str(after.value.value))
    return found


def clean(text: str) -> str:
    """First paragraph in one line."""
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split())


def escape(text: str) -> str:
    """Text that may stand in a table cell."""
    return text.replace("|", "\\|")


def main() -> None:
    """Write every page, and take away pictures of cards that are no more."""
    for path in (HERE / "figures" / "protocols").glob("*.svg"):
        path.unlink()
    for name, text in pages().items():
        (HERE / name).parent.mkdir(parents=True, exist_ok=True)
        (HERE / name).write_text(text, encoding="utf-8")
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
