"""Whatever the people look like, every registered protocol keeps what its card promises, in its splits and in its training."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluation.strategies import any_sizes, irregular_segments, reordered

from stf2m.core.errors import NotEnoughLabels
from stf2m.core.records import Segments
from stf2m.evaluation.protocols import PROTOCOLS, CrossDataset, Fold, Protocol, Split, World, folds, make_protocol
from stf2m.evaluation.protocols.split import gaps
from stf2m.prepare.join import join

Promise = Callable[[Segments, Protocol, Split], None]


def other_recordings(segments: Segments, protocol: Protocol, split: Split) -> None:
    assert not set(segments.recording[split.support]) & set(segments.recording[split.query])
    assert set(segments.stimulus[split.support]) & set(segments.stimulus[split.query]) <= {-1}


def guarded(segments: Segments, protocol: Protocol, split: Split) -> None:
    assert gaps(segments, split.query, split.support).min(initial=np.inf) >= protocol.guard - 1e-9


def causal(segments: Segments, protocol: Protocol, split: Split) -> None:
    guarded(segments, protocol, split)
    length = np.diff(segments.spans, axis=1)[:, 0]
    last = (segments.session_time + length)[split.support].max(initial=-np.inf)
    assert last + protocol.guard <= segments.session_time[split.query].min() + 1e-6


def sensors_only(segments: Segments, protocol: Protocol, split: Split) -> None:
    """Beside `new_person`, that exactly what the view says is lost."""
    other_recordings(segments, protocol, split)
    assert (split.lost is None) == (split.view == "all")
    if split.lost is None:
        return
    assert split.lost.shape == (len(segments), len(segments.modalities))
    assert not split.lost[segments.subject != split.subject].any()
    support, query = split.lost[split.support], split.lost[split.query]
    name = next(m for m in segments.modalities if m in split.view.split())
    column = np.array([(m == name) != ("alone" in split.view) for m in segments.modalities])
    assert not split.lost[:, ~column].any()
    for side, lost in (("support", support), ("query", query)):
        if "in the" in split.view and side not in split.view:
            assert not lost.any()
        elif "lost" not in split.view:
            assert lost[:, column].all()


def other_data_set(segments: Segments, protocol: Protocol, split: Split) -> None:
    assert isinstance(protocol, CrossDataset) and segments.origin[split.subject] == protocol.tested
    (guarded if protocol.apart == "guard" else other_recordings)(segments, protocol, split)


def anything(segments: Segments, protocol: Protocol, split: Split) -> None:
    """Leaky: nothing is promised beyond what holds for all."""


PROMISES: dict[str, tuple[Promise, list[dict]]] = {
    "new_person": (other_recordings, [{}, {"support_share": 0.3}]),
    "new_person_new_stimulus": (other_recordings, [{"groups": 3}, {"groups": 4}]),
    "completion": (guarded, [{}, {"guard": 0.0}]),
    "first_minutes": (causal, [{}, {"cut": 0.5}]),
    "missing_modality": (
        sensors_only, [{}, {"how": "alone", "side": "query"}, {"how": "dropped", "side": "support"}, {"how": "degraded", "burst": 3.0}],
    ),
    "cross_dataset": (other_data_set, [{}, {"reverse": True, "apart": "guard"}]),
    "literature_random": (anything, [{}, {"query_share": 0.6}]),
}  # fmt: skip
"""what each protocol promises of a split, and settings under which it is tried"""
CASES = [(name, options) for name in PROMISES for options in PROMISES[name][1]]


def people_for(name: str, sizes: dict) -> Segments:
    """Random people, from two data sets where the protocol needs two."""
    first = irregular_segments(**sizes)
    return join(first, irregular_segments(**{**sizes, "seed": sizes["seed"] + 1})) if PROTOCOLS[name].needs_second else first


def test_every_protocol_is_tried():
    assert set(PROMISES) == set(PROTOCOLS)


def all_splits(protocol: Protocol, segments: Segments, seed: int = 3) -> list[Split]:
    return [s for p in range(len(segments.subjects)) for s in protocol.splits(segments, "mood", p, seed)]


def facts(split: Split, names: tuple[str, ...]) -> tuple:
    lost = None if split.lost is None else split.lost.tobytes()
    return (
        names[split.subject],
        split.shots,
        split.draw,
        split.view,
        split.missing,
        split.short,
        lost,
        split.support.tobytes(),
        split.query.tobytes(),
    )


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
@settings(max_examples=25, deadline=None)
@given(sizes=any_sizes(), draws=st.integers(1, 3))
def test_splits_keep_their_promises(name, options, sizes, draws):
    segments = people_for(name, sizes)
    protocol = make_protocol({"name": name, "shots": [0, 1, 4], "draws": draws, **options})
    found, labels = all_splits(protocol, segments), segments.targets["mood"]
    for split in found:
        both = np.concatenate([split.support, split.query])
        assert len(np.unique(both)) == len(both) and len(split.query)
        assert (segments.subject[both] == split.subject).all() and (labels[both] >= 0).all()
        assert 0 <= split.draw < protocol.draws * protocol.turns and split.shots in (0, 1, 4)
        assert (split.shots > 0) == (len(split.support) > 0 or len(split.missing) > 0)
        PROMISES[name][0](segments, protocol, split)
    by_draw: dict[tuple, list[Split]] = {}
    for split in found:
        by_draw.setdefault((split.subject, split.draw, split.view), []).append(split)
    for group in by_draw.values():
        for small, large in pairwise(group):
            assert small.shots < large.shots and set(small.support) <= set(large.support) and (small.query == large.query).all()
    # the same again, and whatever the other people's numbers are
    order = np.random.default_rng(draws).permutation(len(segments.subjects))
    told = sorted(facts(split, segments.subjects) for split in found)
    again = all_splits(protocol, reordered(segments, order))
    assert sorted(facts(split, segments.subjects) for split in all_splits(protocol, segments)) == told
    assert sorted(facts(split, tuple(segments.subjects[p] for p in order)) for split in again) == told


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
@settings(max_examples=15, deadline=None)
@given(sizes=any_sizes(people=6), which=st.integers(0, 1))
def test_training_sees_no_row_that_the_card_forbids(name, options, sizes, which):
    segments = people_for(name, sizes)
    protocol = make_protocol({"name": name, "shots": [0, 2], "draws": 2, **options})
    fold = folds(range(len(segments.subjects)), 2, which, 1)[which]
    for turn in range(protocol.turns):
        try:
            world = protocol.world(segments, "mood", fold, 3, turn)
        except NotEnoughLabels:
            assert nothing_is_left(segments, protocol, fold, turn)
        else:
            check_world(segments, protocol, world, fold)


def nothing_is_left(segments: Segments, protocol: Protocol, fold: Fold, turn: int) -> bool:
    """Whether a turn's training people have no label of a stimulus that they may know, counted stimulus by stimulus."""
    groups = getattr(protocol, "groups", 1)
    if len(segments.stimuli) < groups:
        return True
    mine = np.isin(segments.subject, fold.train) & (segments.targets["mood"] >= 0) & (segments.stimulus >= 0)
    group = protocol.group_of(segments, 3)  # pyright: ignore[reportAttributeAccessIssue]
    allowed = {g for g in range(groups) if g not in (turn, (turn + 1) % groups)}
    return not any(int(g) in allowed for g in group[mine])


@pytest.mark.parametrize("groups", [3, 4])
@settings(max_examples=15, deadline=None)
@given(sizes=any_sizes(people=20, recordings=8, stimuli=8, length=3, unlabelled=0.0, gaps=0.0), which=st.integers(0, 1))
def test_new_stimuli_are_scored_where_there_is_enough(groups, sizes, which):
    segments = irregular_segments(**sizes)
    protocol = make_protocol({"name": "new_person_new_stimulus", "shots": [0, 2], "draws": 1, "groups": groups})
    fold = folds(range(20), 2, which, 1)[which]
    asked = []
    for turn in range(protocol.turns):
        world = protocol.world(segments, "mood", fold, 3, turn)
        check_world(segments, protocol, world, fold)
        asked += [split.query for p in fold.test for split in protocol.questions(segments, "mood", p, 3, turn) if split.shots == 0]
    scored = np.concatenate(asked)
    everything = np.flatnonzero(np.isin(segments.subject, fold.test) & (segments.stimulus >= 0))
    assert sorted(scored) == everything.tolist()  # every segment of a known stimulus, once


def check_world(segments: Segments, protocol: Protocol, world: World, fold: Fold) -> None:
    known, labels = world.segments.targets["mood"], segments.targets["mood"]
    assert ((known == labels) | (known == -1)).all() and set(world.fold.test) <= set(fold.test)
    if protocol.needs_second:
        where = [{segments.origin[p] for p in side} for side in world.fold]
        assert where[0] and not where[0] & where[2] and where[1] <= where[0] and len(where[2]) <= 1
    else:
        assert world.fold.test == fold.test
    sides = [np.flatnonzero(np.isin(segments.subject, people) & (known >= 0)) for people in (world.fold.train, world.fold.validation)]
    assert not set(world.fold.train) & set(world.fold.validation)
    assert protocol.person_is_known or not set(world.fold.test) & {*world.fold.train, *world.fold.validation}
    learnt = np.concatenate(sides)
    asked = [s for p in fold.test for s in protocol.questions(segments, "mood", p, 3, world.turn)]
    assert {split.draw % protocol.turns for split in asked} <= {world.turn}
    for split in asked:
        assert not np.isin(split.query, learnt).any()
        if protocol.name == "new_person_new_stimulus":
            assert not np.isin(segments.stimulus[split.query], segments.stimulus[learnt]).any()
            assert (segments.stimulus[split.query] >= 0).all()
    for split in protocol.rehearsals(world, "mood", 3):
        rows = np.concatenate([split.support, split.query])
        assert np.isin(rows, sides[1]).all() and split.lost is None
        if protocol.name == "new_person_new_stimulus":
            assert not np.isin(segments.stimulus[split.query], segments.stimulus[sides[0]]).any()
    if not protocol.own_training:
        assert world.segments is segments and world.fold == fold


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_rich_data_is_asked_in_every_draw(name):
    """So that nothing above holds of nothing."""
    rich = people_for(name, {"seed": 5, "people": 4, "recordings": 40, "stimuli": 3, "length": 30, "unlabelled": 0.1})
    protocol = make_protocol({"name": name, "shots": [0, 1, 2], "draws": 2, **PROMISES[name][1][0]})
    asked = {(split.subject, split.draw, split.shots) for split in all_splits(protocol, rich) if split.shots}
    assert len({(person, draw) for person, draw, _ in asked}) * 2 == len(asked)
    assert {draw for _, draw, _ in asked} == set(range(2 * (protocol.turns if name == "new_person_new_stimulus" else 1)))
