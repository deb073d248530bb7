"""Keeping and reading the adaptations of people."""

from pathlib import Path

import torch
from safetensors.torch import load, save

from stf2m import __version__
from stf2m.app.places import TIMELINES, folder_of_person
from stf2m.core.errors import CorruptStore, InvalidConfig, NotStored, WrongVersion
from stf2m.core.files import atomic_directory, read_json, write_json
from stf2m.core.tensors import Adaptation
from stf2m.data.store import is_store, register_derived
from stf2m.data.templates import did_you_mean
from stf2m.training.bundle import Bundle

FORMAT = 1
TENSORS, FACTS = "adaptation.safetensors", "adaptation.json"


def digest_of(bundle: Bundle) -> str:
    """Twelve digits that name the bundle's weights; raises `InvalidConfig` for one that was edited and not yet written."""
    if "sha256" not in bundle.facts:
        raise InvalidConfig("this bundle lies in no folder", hint="write it with save_edited and load it again")
    return str(bundle.facts["sha256"]["network.safetensors"])[:12]


def save_adaptation(folder: Path, person: str, bundle: Bundle, adaptation: Adaptation, facts: dict) -> Path:
    """Write one person's adaptation whole or not at all, replacing an older one for the same bundle; returns its folder."""
    place = folder_of_person(folder, person) / digest_of(bundle)
    tensors = {f"params/{name}": value for name, value in adaptation.params.items()}
    tensors |= {f"memory/{name}": value for name, value in adaptation.memory.items()} | {"losses": adaptation.losses}
    with atomic_directory(place, replace=True) as part:
        (part / TENSORS).write_bytes(save({name: value.detach().contiguous().clone() for name, value in tensors.items()}))
        write_json(part / FACTS, {"format": FORMAT, "written_by": __version__, "person": person, "bundle": digest_of(bundle), **facts})
    if is_store(folder):
        register_derived(folder, folder_of_person(folder, person), "adaptation", (person,))
    return place


def is_kept(folder: Path, person: str, bundle: Bundle) -> bool:
    """Whether an adaptation of this person for this bundle is there."""
    return (folder_of_person(folder, person) / digest_of(bundle)).is_dir()


def people_of(folder: Path, bundle: Bundle) -> list[str]:
    """Names of the people in `folder` who were personalised with this bundle."""
    kept = (Path(folder) / "adaptations").glob(f"p-*/{digest_of(bundle)}/{FACTS}")
    return sorted(str(_facts(path.parent)["person"]) for path in kept)


def load_adaptation(folder: Path, person: str, bundle: Bundle) -> Adaptation:
    """Read a person's adaptation for this bundle; raises `NotStored`, `WrongVersion` or `CorruptStore`."""
    mine = folder_of_person(folder, person)
    place = mine / digest_of(bundle)
    if not place.is_dir():
        others = mine.is_dir() and any((child / FACTS).is_file() for child in mine.iterdir())
        what = f"{person!r} was personalised with another bundle" if others else f"no adaptation of {person!r}"
        hint = "run stf2m personalise with this bundle and some labels first"
        if known := people_of(folder, bundle):
            hint = f"{did_you_mean(person, known, hint)}; personalised with this bundle: {', '.join(known)}"
        raise NotStored(what, where=folder, hint=hint)
    _facts(place)
    try:
        tensors = load((place / TENSORS).read_bytes())
    except FileNotFoundError:
        raise CorruptStore("the numbers of the adaptation are missing", where=place / TENSORS, hint="personalise again") from None
    except Exception as problem:
        raise CorruptStore(
            "the adaptation cannot be read", where=place / TENSORS, got=type(problem).__name__, hint="personalise again"
        ) from None
    parts: dict[str, dict[str, torch.Tensor]] = {"params": {}, "memory": {}}
    for full, value in tensors.items():
        kind, _, name = full.partition("/")
        if name:
            parts[kind][name] = value
    return Adaptation(parts["params"], parts["memory"], tensors["losses"])


def labels_seen(folder: Path, person: str, bundle: Bundle) -> dict[str, int]:
    """Labelled segments per emotion that a kept adaptation has seen; raises as `load_adaptation`."""
    return {str(name): int(count) for name, count in _facts(folder_of_person(folder, person) / digest_of(bundle))["segments"].items()}


def consents_of(folder: Path, person: str, bundle: Bundle) -> list[str]:
    """Consents of the recordings that a kept adaptation was made from; empty where there is none."""
    place = folder_of_person(folder, person) / digest_of(bundle)
    return [str(consent) for consent in _facts(place).get("consent", ())] if place.is_dir() else []


def _facts(place: Path) -> dict:
    facts = read_json(place / FACTS)
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        got = facts.get("format") if isinstance(facts, dict) else "no format"
        raise WrongVersion("an adaptation of another version", where=place, expected=f"format {FORMAT}", got=got, hint="personalise again")
    return facts


def note_timeline(folder: Path, person: str, path: Path) -> None:
    """Remember that `path` was written from this person's answers, so that forgetting them finds it."""
    if is_store(folder):
        register_derived(folder, path, "timeline", (person,))
        return
    notes = folder_of_person(folder, person) / TIMELINES
    known = read_json(notes) if notes.exists() else []
    write_json(notes, sorted({*known, str(Path(path).resolve())}))
