"""What the command line does with a bundle: ask, personalise and predict."""

from dataclasses import asdict
from pathlib import Path

from stf2m.app.ask import ask
from stf2m.app.console import Console
from stf2m.app.labels import label_notes, read_labels
from stf2m.app.people import note_timeline
from stf2m.app.personalise import home_of, personalise
from stf2m.app.predict import predict
from stf2m.app.printed import remarks, rules_once, summary, table_of, withheld
from stf2m.app.timeline import check_format, to_document, write_timeline
from stf2m.core.errors import InvalidConfig
from stf2m.data.forget import STALE, STALE_WORDS
from stf2m.data.readers import read
from stf2m.training.bundle import Bundle, answers_of, load_bundle, people_words
from stf2m.training.words import never_said, unheeded


def opened(path: Path, console: Console) -> Bundle:
    """The bundle; says so when somebody it was trained with has asked to be forgotten since, and what nobody taught it."""
    found = load_bundle(path)
    if found.fitted.untaught:
        console.say(f"note: {never_said(found.fitted.untaught)}")
    if (path / STALE).exists():
        console.say(f"note: {path} was {STALE_WORDS['why']}")
    return found


def show_bundle(path: Path, console: Console) -> None:
    """What a bundle is: what it answers, who taught it, what it may be used for, how far its answers and labels can be trusted."""
    found = opened(path, console)
    facts, calibration = found.facts, found.calibration
    rows = [
        ("target", f"{found.fitted.target} ({found.fitted.config.learner})"),
        ("answers", answers_of(facts)),
        ("sensors", ", ".join(info.modality for info in found.fitted.inputs.infos)),
        ("trained on", f"{facts.get('dataset', 'unknown')}, {people_words(facts, calibrated=calibration is not None)}"),
        ("licence of the data", str(facts.get("licence", "unknown"))),
        ("permitted use", str(facts.get("consent", "unknown"))),
        ("probabilities", calibration.sentence if calibration else "not calibrated"),
        *([("warning", remark)] if (remark := unheeded(facts)) else []),
        ("written by", f"stf2m {facts['version']}"),
    ]
    console.table(("", path.name), rows)
    console.result({**facts, "facts": rows})


def run_personalise(
    bundle: Path,
    recordings: list[Path],
    person: str,
    labels: list[Path] | None,
    scale: tuple[float, float],
    folder: Path | None,
    use: str,
    console: Console,
) -> None:
    """Read bundle, recordings and labels; adapt; keep the adaptation."""
    if labels and len(labels) != len(recordings):
        raise InvalidConfig("one labels file per recording", expected=f"{len(recordings)} times --labels", got=len(labels))
    loaded = opened(bundle, console)
    given = [read_labels(path, scale=scale) for path in labels] if labels else None
    done = personalise(loaded, [read(path) for path in recordings], person, labels=given, folder=folder, use=use)
    notes = [*label_notes([a for one in given or [] for a in one], loaded.fitted.target, scale), unheeded(loaded.facts)]
    notes = [note for note in notes if note]
    for note in notes:
        console.say(f"note: {note}")
    facts = {"person": person, "segments": done.counts, "path": str(done.path), "replaced": done.replaced, "notes": notes}
    console.result(facts, f"{done.sentence}\n{'replaced the earlier adaptation' if done.replaced else 'kept'} in {done.path}")


def run_predict(
    bundle: Path, recording: Path, person: str | None, out: Path | None, folder: Path | None, use: str, console: Console
) -> None:
    """Answer one recording; write the timeline, or print it."""
    if out is not None:
        check_format(out)
    loaded = opened(bundle, console)
    said = predict(loaded, read(recording), person=person, folder=folder, use=use)
    if out is not None:
        write_timeline(said, out)
        if person is not None:
            note_timeline(home_of(loaded, folder), person, out)
    if console.as_json:
        console.result(to_document(said))
        return
    if out is None:
        console.table(*table_of(said))
        console.result({}, rules_once(said))
        for remark in remarks(said):
            console.say(remark)
    for status in dict.fromkeys(said.status):
        console.say(f"{status}: {status.sentence}")
    for sentence in (said.calibration, withheld(said)):
        if sentence:
            console.say(sentence)
    console.result({}, summary(said) + (f"; timeline: {out}" if out else ""))


def run_ask(
    bundle: Path,
    recording: Path,
    person: str | None,
    labels: Path | None,
    scale: tuple[float, float],
    count: int,
    folder: Path | None,
    use: str,
    console: Console,
) -> None:
    """Name the segments of one recording that should be labelled next."""
    given = read_labels(labels, scale=scale) if labels else None
    found = ask(opened(bundle, console), read(recording), person=person, labels=given, count=count, folder=folder, use=use)
    lines = [f"{i}. {one.onset:.1f} to {one.offset:.1f} s: {one.why}" for i, one in enumerate(found, 1)]
    facts = {"recording": str(recording), "person": person, "segments": [asdict(one) for one in found]}
    console.result(facts, "\n".join(["Label these next, the most telling first:", *lines]))
