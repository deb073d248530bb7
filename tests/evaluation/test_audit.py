"""Worlds in which a leak must lift the score: the audit catches every one, and the honest side stays near chance."""

import ast
import dataclasses
import json

import numpy as np
import pytest

from stf2m.app.audit import run_audit
from stf2m.app.console import Console
from stf2m.app.studies import write_page
from stf2m.core.config import build
from stf2m.core.errors import InvalidConfig, UnknownName
from stf2m.core.records import DescriptorInfo
from stf2m.evaluation.audit import Audit, case_of, overlapping_cut, parts_of, protocol_of
from stf2m.evaluation.audit_words import audit_markdown, caption, findings, lines
from stf2m.evaluation.execute import paths_of
from stf2m.evaluation.leaks import LEAKS
from stf2m.evaluation.leaks.neighbours import split_at_random
from stf2m.evaluation.leaks.presence import patterns
from stf2m.evaluation.outputs import forget_in_results
from stf2m.evaluation.rows import RowFile
from stf2m.evaluation.study import Study
from stf2m.evaluation.table import tables_of

NEW_PERSON = {"name": "new_person", "shots": [0, 6], "draws": 1}
SETTINGS = {
    "name": "small", "dataset": "random", "targets": ["mood"], "folds": 2, "validation_people": 2, "seed": 3, "main": "prototypes", "detailed": [],
    "recipe": {"signals": {"modalities": ["eda", "hr"]}, "cut": {"targets": ["mood"]}}, "baselines": ["prototypes"], "protocols": [NEW_PERSON],
}  # fmt: skip


def study_of(**changes) -> Study:
    return build(Study, {**SETTINGS, **changes}, where="test")


def noise(make, *, descriptors=6, seed=0, **sizes):
    """People whose descriptors say nothing; two classes, everything labelled and measured."""
    sizes = {"people": 24, "recordings": 4, "length": 16, "classes": 2, **sizes}
    made = make(seed, unlabelled=0.0, strength=0.0, offset=0.0, descriptors=6, **sizes)
    rng = np.random.default_rng(seed + 1)
    infos = tuple(DescriptorInfo(f"d{j}", ("eda", "hr")[j % 2], "au") for j in range(descriptors))
    labels = rng.integers(0, 2, len(made)).astype(np.int16)
    values = rng.normal(size=(len(made), descriptors)).astype(np.float32)
    return dataclasses.replace(
        made, descriptors=values, descriptor_infos=infos, present=np.ones((len(made), 2), bool), targets={"mood": labels}
    )  # fmt: skip


def told(segments, labels=None, shown=None):
    """The same people with these labels, and what the descriptors show beside their noise."""
    labels = segments.targets["mood"] if labels is None else labels
    values = segments.descriptors if shown is None else segments.descriptors + shown
    return dataclasses.replace(segments, targets={"mood": labels.astype(np.int16)}, descriptors=values.astype(np.float32))


def sign(labels):
    return (2.0 * labels - 1)[:, None]


def of_group(segments, group, strength=3.0):
    """Group g (a person, a stimulus) shows its class in descriptor g alone."""
    here = np.arange(segments.descriptors.shape[1])[None] == group[:, None]
    return told(segments, shown=strength * sign(segments.targets["mood"]) * here)


def world_of(leak, make, study):
    """(segments, their overlapping cut or None) in which this leak must show."""
    rng = np.random.default_rng(5)
    if leak == "neighbours":  # moods last, and every spell of a mood looks different
        made = noise(make, descriptors=16)
        spell = np.arange(len(made)) // 8
        vectors = 4 * rng.normal(size=(spell.max() + 1, 16))
        return told(made, rng.integers(0, 2, spell.max() + 1)[spell], vectors[spell])
    if leak in ("known_person", "known_recording"):
        made = noise(make, descriptors=12)
        return of_group(made, made.subject)
    if leak == "known_stimulus":
        made = noise(make, descriptors=6, stimuli=6, recordings=6)
        return of_group(made, made.stimulus, 6.0)
    if leak == "person_statistics":
        made = noise(make)
        return told(made, shown=1.5 * sign(made.targets["mood"]) * [1, 1, 1, 1, 1, 1] + 40 * rng.normal(size=(24, 6))[made.subject])
    if leak == "feature_choice":  # most descriptors show the class in training people only
        made = noise(make, descriptors=32)
        strangers = np.isin(made.subject, case_of(study, made, "mood", 0).fold.test)
        shown = np.where(np.arange(32) < 4, 1.0, np.where(strangers[:, None], 0.0, 4.0))
        return told(made, shown=shown * sign(made.targets["mood"]))
    if leak == "look_ahead":  # the body answers one segment late
        made = noise(make)
        return told(made, shown=3 * sign(np.roll(made.targets["mood"], 1)))
    if leak == "chosen_on_test":  # test people are the opposite of those on whom settings are chosen
        made = noise(make)
        strangers = np.isin(made.subject, case_of(study, made, "mood", 0).fold.test)
        return told(made, shown=np.where(strangers, -0.6, 0.6)[:, None] * sign(made.targets["mood"]))
    if leak == "trial_label":
        made = noise(make, recordings=6)
        mostly = rng.integers(0, 2, made.recording.max() + 1)[made.recording]
        return told(made, np.where(rng.random(len(made)) < 0.8, mostly, 1 - mostly))
    if leak == "position":
        made = noise(make)
        return told(
            made, (made.session_time // made.session_time.max() * 2 + made.session_time / made.session_time.max() > 0.5).astype(int)
        )
    if leak == "length":
        made = noise(make, recordings=24, length=1)
        spans = made.spans + np.stack([np.zeros(len(made)), made.targets["mood"]], 1)
        return dataclasses.replace(made, spans=spans)
    return noise(make)


def settings_for(leak):
    if leak == "known_stimulus":
        return {"protocols": [{"name": "new_person_new_stimulus", "shots": [0, 2], "draws": 1, "groups": 3}]}
    if leak == "support_scored":
        return {"protocols": [{"name": "completion", "shots": [0, 24], "draws": 1, "guard": 0.0}]}
    return {}


def audited(leak, make):
    study = study_of(**settings_for(leak))
    segments = world_of(leak, make, study)
    audit = Audit(study, segments)
    (part,) = parts_of(study, methods=["prototypes"], targets=[], leaks=[leak], folds=[0])
    return study, segments, part, audit


@pytest.mark.parametrize("leak", LEAKS)
def test_every_planted_leak_is_caught(make_segments, leak):
    study, segments, part, audit = audited(leak, make_segments)
    outcome = audit.run(part)
    assert outcome.exposed is not None and outcome.exposed == audit.exposed(part)
    found = findings(study, outcome.rows, {part: outcome.exposed})
    assert {f.leak for f in found} == {leak} and found[-1].people >= 5
    assert any(f.is_caught and f.gain[0] > 0.1 for f in found), [(f.k, f.honest, f.leaky, f.gain) for f in found]
    best = max((f for f in found if f.is_caught), key=lambda f: f.gain[0])
    assert best.honest[0] < 0.62, (best.k, best.honest)
    assert outcome.exposed.segments > 0 and outcome.exposed.seconds > 0
    for example in outcome.exposed.examples:
        person, recording, when = example.split(", ")
        assert person in segments.subjects and recording in segments.recordings and when.endswith(" s")


@pytest.mark.parametrize("leak", LEAKS)
def test_what_leaks_is_named_rightly(make_segments, leak):
    _, segments, part, audit = audited(leak, make_segments)
    case = audit.case(part)
    reason, leaked = audit.spoil(part)
    assert reason == "" and leaked is not None
    tested = np.isin(segments.subject[leaked.rows], case.fold.test)
    assert tested.all() or leak == "known_stimulus"
    if leak in ("known_person", "known_recording"):
        assert not np.intersect1d(leaked.rows, leaked.case.query).size and set(case.fold.test) <= set(leaked.case.fold.train)
        assert (leaked.case.fit.targets["mood"][leaked.case.query] < 0).all()
    elif leak == "known_stimulus":
        assert not tested.any() and set(segments.stimulus[leaked.rows]) & set(segments.stimulus[case.query])
    elif leak not in ("neighbours", "support_scored", "look_ahead"):
        assert set(leaked.rows) == set(case.query)
    assert (leaked.case.ask.targets["mood"] == segments.targets["mood"]).all()  # truth is never spoilt


def test_windows_that_overlap_are_cut_only_where_the_leak_needs_it(make_segments):
    study = study_of()
    plain, halved = (noise(make_segments, hop=hop) for hop in (2.0, 1.0))
    audit = Audit(study, plain, lambda: halved)
    parts = parts_of(study, methods=["prototypes"], targets=[], leaks=["neighbours", "position"], folds=[0])
    assert audit.case(parts[0]).ask is halved and audit.case(parts[1]).ask is plain
    leaked = split_at_random(audit.case(parts[0]))
    touched = [s for s in leaked.case.splits if s.shots]
    assert touched and all(not np.intersect1d(s.support, s.query).size for s in touched)
    apart = [np.abs(halved.spans[s.support, 0][:, None] - halved.spans[s.query, 0]).min() for s in touched]
    assert min(apart) <= 1.0  # 2 s windows that begin 1 s apart
    assert overlapping_cut(study).recipe.cut.hop == 1.0
    assert overlapping_cut(study_of(recipe={"signals": {"modalities": ["eda"]}, "cut": {"window": "recording"}})) is None


def test_what_does_not_apply_is_said_in_words(make_segments):
    study = study_of()
    takes = noise(make_segments, recordings=24, length=1)
    audit = Audit(study, takes)
    rows, reasons = [], {}
    for part in parts_of(study, methods=["prototypes"], targets=[], leaks=[], folds=[0]):
        reasons[part.leak] = audit.spoil(part)[0]
        if reasons[part.leak]:
            rows += audit.run(part).rows
    assert reasons["look_ahead"] == reasons["neighbours"] == "every recording is a single segment"
    assert "its label is the answer itself" in reasons["trial_label"] and reasons["length"] == "segments are all of the same length"
    once = Audit(study_of(protocols=[{**NEW_PERSON, "name": "completion"}]), noise(make_segments, recordings=1, length=24))
    assert (
        "one recording"
        in once.spoil(next(part for part in parts_of(study, methods=["prototypes"], targets=[], leaks=["trial_label"], folds=[0])))[0]
    )
    assert reasons["known_stimulus"] == "the protocol does not call the stimulus new" and reasons["feature_choice"] == ""
    text = audit_markdown(study, findings(study, rows, {}))
    assert "does not apply: every recording is a single segment" in text
    assert "transductively" in LEAKS["person_statistics"].reason(dataclasses.replace(audit.case(part), normalisation="transductive"))
    one = dataclasses.replace(
        takes, infos=takes.infos[:1], descriptor_infos=takes.descriptor_infos[:0], descriptors=takes.descriptors[:, :0]
    )
    case = dataclasses.replace(audit.case(part), ask=one)
    assert LEAKS["free_views"].reason(case) == "there is one sensor" and "too few" in LEAKS["feature_choice"].reason(case)


def test_free_views_differ_between_classes_as_long_as_they_can():
    assert len(set(map(tuple, patterns(3, 2, 0)))) == 3 and patterns(5, 2, 0).any(axis=1).all()


def test_leaky_rows_are_never_results(make_segments):
    _, _, part, audit = audited("support_scored", make_segments)
    rows = [{**dict.fromkeys(("note", "missing", "short"), ""), **row} for row in audit.run(part).rows]
    assert {row["control"] for row in rows} == {"honest support_scored", "leaky support_scored"}
    assert [table.plain("baseline", "learner", "floor") for table in tables_of(rows, "balanced_accuracy")] == [[]]


def test_only_the_audit_reaches_the_leaks(root):
    """Imports of the room, by reading every source file."""
    doors = set()
    for path in (root / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            if any(name.startswith("stf2m.evaluation.leaks") for name in names) and path.parent.name != "leaks":
                doors.add(path.name)
    assert doors == {"audit.py", "audit_words.py"}
    user = [p.name for p in (root / "src").rglob("*.py") if "stf2m.evaluation.audit import" in p.read_text(encoding="utf-8")]
    assert sorted(user) == ["audit.py", "audit_words.py"]


def test_mistakes_are_named():
    study = study_of()
    ask = {"methods": ["prototypes"], "targets": [], "leaks": [], "folds": []}
    assert len(parts_of(study, **ask)) == 2 * len(LEAKS)
    for wrong, match in (
        ({"methods": ["prototype"]}, "prototypes"),
        ({"leaks": ["neighbour"]}, "neighbours"),
        ({"targets": ["moods"]}, "mood"),
    ):
        with pytest.raises(UnknownName, match=match):
            parts_of(study, **{**ask, **wrong})
    with pytest.raises(InvalidConfig, match="no such fold"):
        parts_of(study, **{**ask, "folds": [2]})
    with pytest.raises(InvalidConfig, match="no honest protocol"):
        protocol_of(study_of(protocols=[{"name": "literature_random"}]))


def test_the_command_says_it_resumes_and_reddens_the_page(make_segments, monkeypatch, tmp_path, capsys):
    segments = noise(make_segments)
    monkeypatch.setattr("stf2m.app.audit.open_segments", lambda *_: segments)
    monkeypatch.setattr("stf2m.evaluation.study.TARGETS", ("mood",))  # that these made-up segments carry
    path = tmp_path / "small.toml"
    path.write_text(
        'dataset = "random"\ntargets = ["mood"]\nfolds = 2\nvalidation_people = 2\nmain = "prototypes"\n[recipe.signals]\nmodalities = ["eda", "hr"]\n'
        '[recipe.cut]\ntargets = ["mood"]\n[[protocols]]\nname = "new_person"\nshots = [0, 4]\ndraws = 1\n'
    )  # fmt: skip
    ask = lambda quiet: run_audit(path, [], False, ["position", "free_views"], [], [1], None, tmp_path, None, Console(True, quiet))  # noqa: E731
    ask(False)
    first = json.loads(capsys.readouterr().out)
    rows = tmp_path / "studies" / "small-audit.csv"
    count = len(RowFile(rows).read())
    ask(True)
    assert json.loads(capsys.readouterr().out) == first and len(RowFile(rows).read()) == count > 0
    assert {f["leak"] for f in first["findings"]} == {"position", "free_views"} and any(f["gain"][1] > 0 for f in first["findings"])
    text = rows.with_suffix(".md").read_text(encoding="utf-8")
    assert "LEAKY ON PURPOSE" in text and "Beyond chance lift the score here: free views" in text and "for example P" in text
    study = study_of(name="small")
    page = write_page(study, [], paths_of(study, runs=tmp_path), tmp_path / "page.html", command="x").read_text(encoding="utf-8")
    assert 'class="alarm"' in page and "LEAKY ON PURPOSE" in page and "8 free views" in page
    assert (
        "What leaks would have done"
        not in write_page(study, [], paths_of(study, runs=tmp_path / "no"), tmp_path / "no.html", command="x").read_text()
    )
    person = next(row["person"] for row in RowFile(rows).read() if row["person"])
    gone = forget_in_results(rows, "random", person)  # examples name people and recordings
    assert gone.rows and {path.suffix for path in gone.pages} == {".md", ".json"} and not rows.with_suffix(".json").exists()
    assert caption(study, []).endswith("beyond chance.") and lines([]) == []
