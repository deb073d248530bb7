"""Generated people: the same seed, the same people; their known answers can be found; difficulty lies where it was set."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import find_peaks
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from stf2m.core.errors import InvalidConfig, NotStored, UnknownName
from stf2m.data.datasets.synthetic import SyntheticDataset
from stf2m.data.synthetic.curves import GRID, follow, wander
from stf2m.data.synthetic.person import FRAGILE
from stf2m.data.synthetic.world import CHANNELS, NULL, PEOPLE
from stf2m.prepare.labels import rated_votes

WINDOW = 2.0


def equal(a, b):
    """Whether two recordings hold the same numbers."""
    same = a.id == b.id and a.streams.keys() == b.streams.keys() and a.order == b.order and a.started == b.started
    same = same and all(np.array_equal(a.streams[k].samples, b.streams[k].samples, equal_nan=True) for k in a.streams)
    return same and np.array_equal(a.ratings[0].values, b.ratings[0].values, equal_nan=True)


def clip_of(recording):
    return int(recording.stimulus.removeprefix("clip")) - 1


@pytest.fixture(scope="module")
def people():
    return SyntheticDataset()


@pytest.fixture(scope="module")
def recorded(people):
    return {subject: list(people.recordings(subject)) for subject in people.subjects()}


def test_a_recording_does_not_depend_on_what_was_asked_before_or_on_who_else_exists():
    few, many = SyntheticDataset(3, 4, 30, seed=5), SyntheticDataset(9, 4, 30, seed=5)
    backwards = {s: list(many.recordings(s)) for s in reversed(many.subjects())}
    for subject in few.subjects():
        assert all(equal(a, b) for a, b in zip(few.recordings(subject), backwards[subject], strict=True))
    other = SyntheticDataset(3, 4, 30, seed=6)
    assert not any(equal(a, b) for a, b in zip(few.recordings("P01"), other.recordings("P01"), strict=True))


def test_streams_have_the_native_rates_and_units_of_a_band_and_an_eye_tracker(people, recorded):
    expected = {"bvp": (64, "au"), "hr": (1, "bpm"), "eda": (4, "uS"), "temp": (4, "degC"), "acc": (32, "g"), "pupil": (30, "mm")}
    assert set(people.card.modalities) == set(expected)
    for recording in recorded["P01"]:
        assert recording.length == pytest.approx(120)
        for name, stream in recording.streams.items():
            assert (stream.modality, stream.sample_rate, set(stream.units)) == (name, expected[name][0], {expected[name][1]})
    assert any("eda" not in r.streams for found in recorded.values() for r in found)
    assert all({"bvp", "hr"} <= r.streams.keys() for found in recorded.values() for r in found)


def test_everybody_sees_every_clip_once_in_an_own_order(people, recorded):
    orders = {tuple(clip_of(r) for r in found) for found in recorded.values()}
    assert all(sorted(order) == list(range(6)) for order in orders)
    assert len(orders) > 12
    for found in recorded.values():
        assert [r.order for r in found] == list(range(6))
        assert all(b.session_offset >= a.session_offset + a.length for a, b in pairwise(found))


def test_the_pulse_beats_at_the_reported_heart_rate(recorded):
    for recording in recorded["P03"][:3]:
        bvp, hr = recording.streams["bvp"].samples[0], recording.streams["hr"].samples[0]
        smooth = np.convolve(bvp, np.hanning(24) / 12, mode="same")
        local = smooth / np.sqrt(np.convolve(smooth**2, np.ones(256) / 256, mode="same"))
        beats, _ = find_peaks(local[64 * 5 :], distance=64 * 0.6 * 60 / hr.mean(), prominence=0.7)
        assert len(beats) / 115 * 60 == pytest.approx(hr.mean(), rel=0.05)


def test_signed_gains_can_be_read_from_the_signals(people, recorded):
    agree = []
    for subject, found in recorded.items():
        gain = people.truth(subject).gain["pupil"]
        streams = [(people.felt(subject, clip_of(r)), r.streams["pupil"]) for r in found if "pupil" in r.streams]
        if not streams:
            continue
        felt = np.concatenate([[np.interp(p.times, np.arange(f.shape[1]) / GRID, row) for row in f] for f, p in streams], axis=1)
        size = np.concatenate([p.samples[0] - np.nanmean(p.samples[0]) for _, p in streams])
        known = np.isfinite(size)
        slope = np.linalg.lstsq(felt[:, known].T, size[known], rcond=None)[0]
        agree.append(np.abs(slope - gain) < 0.08)
    assert np.mean(agree) > 0.9


def test_lag_and_threshold_can_be_read_from_the_ratings(people, recorded):
    lags, sizes, thresholds, means = [], [], [], []
    for subject, found in recorded.items():
        person, score = people.truth(subject), np.zeros(40)
        for r in found:
            felt, rating = people.felt(subject, clip_of(r))[1], r.ratings[0]
            known = np.isfinite(rating.values[1])
            for i in range(40):
                late = np.interp(rating.times - i / 10, np.arange(len(felt)) / GRID, felt)
                score[i] += np.corrcoef(late[known], rating.values[1, known])[0, 1]
        lags.append(score.argmax() / 10)
        sizes.append(person.lag)
        thresholds.append(person.threshold[1])
        means.append(np.mean([np.nanmean(r.ratings[0].values[1]) for r in found]))
    assert np.abs(np.subtract(lags, sizes)).max() < 0.3
    assert np.corrcoef(thresholds, means)[0, 1] < -0.8


def test_the_clip_causes_the_set_share_of_a_feeling():
    people = SyntheticDataset(8, 80, 60)
    felt = np.stack([[people.felt(s, c)[1] for c in range(80)] for s in people.subjects()])
    between = np.corrcoef(felt.reshape(len(felt), -1))[np.triu_indices(len(felt), 1)].mean()
    assert between == pytest.approx(PEOPLE.stimulus_share, abs=0.06)


def test_nobody_differs_in_the_null_world():
    null = SyntheticDataset(12, 2, 30, world="null")
    truths = [null.truth(s) for s in null.subjects()]
    for field in ("offset", "gain", "threshold", "steepness", "lag", "stimulus_share", "knee"):
        assert all(getattr(t, field) == getattr(truths[0], field) for t in truths), field
    assert truths[0].threshold == (0.0, 0.0)
    assert {getattr(NULL, c).arousal for c in CHANNELS} == {getattr(PEOPLE, c).arousal for c in CHANNELS}


def test_people_differ_and_some_lack_sensors(people, recorded):
    truths = [people.truth(s) for s in people.subjects()]
    signs = {tuple(np.sign(t.gain[c][1]) for c in CHANNELS) for t in truths}
    assert len(signs) > 8
    assert np.std([t.offset["heart"] for t in truths]) > 5
    for truth in truths:
        assert truth.missing <= set(FRAGILE)
        assert all(not truth.missing & r.streams.keys() for r in recorded[truth.subject])


def test_wander_is_stationary_with_unit_variance():
    noise = wander(np.random.default_rng(0), (400, 320), 5.0, poles=2)
    assert noise.std(axis=0)[[0, 150, 319]] == pytest.approx(1, abs=0.15)
    step = follow(np.concatenate([np.zeros(160), np.ones(160)]), 2.0, 1.0)
    assert step[160 + GRID - 1] == 0
    assert step[160 + GRID + 2 * GRID - 1] == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_mistakes_are_said_in_a_sentence():
    with pytest.raises(InvalidConfig, match="too small a world"):
        SyntheticDataset(0)
    with pytest.raises(UnknownName, match="did you mean null"):
        SyntheticDataset(world="nul")
    with pytest.raises(NotStored, match="P01 to P02"):
        list(SyntheticDataset(2).recordings("P3"))


def describe(recording):
    """(segment, 8) simple numbers per 2 s: heart rate, pulse height, conductance, its rise, warmth, its slope, movement, pupil."""
    count, streams = int(recording.length / WINDOW), recording.streams
    out = np.full((count, 8), np.nan)

    def blocks(name):
        stream = streams[name]
        per = int(stream.sample_rate * WINDOW)
        return stream.samples[:, : count * per].reshape(len(stream.samples), count, per).astype(float)

    hr = streams["hr"]
    out[:, 0] = np.interp((np.arange(count) + 1) * WINDOW, hr.times, hr.samples[0])
    out[:, 1] = np.log(blocks("bvp")[0].std(axis=1))
    if "eda" in streams:
        eda = np.log(blocks("eda")[0])
        out[:, 2], out[1:, 3] = eda.mean(axis=1), np.diff(eda.mean(axis=1))
    if "temp" in streams:
        temp = blocks("temp")[0].mean(axis=1)
        out[:, 4], out[3:, 5] = temp, temp[3:] - temp[:-3]
    if "acc" in streams:
        out[:, 6] = np.log(blocks("acc").std(axis=2).mean(axis=0))
    if "pupil" in streams:
        pupil = blocks("pupil")[0]
        known = np.isfinite(pupil)
        out[:, 7] = np.where(known, pupil, 0).sum(axis=1) / known.sum(axis=1)
    return out


def label(recording, lag):
    """(segment,) arousal at the middle of each segment, read `lag` s later; NaN where it is not rated."""
    middle = (np.arange(int(recording.length / WINDOW)) + 0.5) * WINDOW
    return np.interp(middle + lag, recording.ratings[0].times, recording.ratings[0].values[1])


def difficulty(dataset):
    """Balanced accuracy per person of binary arousal across people: without and with the known answers, and other people's label."""
    found = [(i, r) for i, s in enumerate(dataset.subjects()) for r in dataset.recordings(s)]
    who = np.concatenate([np.full(int(r.length / WINDOW), i) for i, r in found])
    clip = np.concatenate([1000 * clip_of(r) + np.arange(int(r.length / WINDOW)) for _, r in found])
    z, level = np.concatenate([describe(r) for _, r in found]), np.concatenate([label(r, dataset.world.lag) for _, r in found])
    for i in np.unique(who):
        z[who == i] -= [np.nanmean(c) if np.isfinite(c).any() else 0 for c in z[who == i].T]
    z = np.nan_to_num(z / np.nanstd(z, axis=0)).clip(-4, 4)
    known = np.isfinite(level)
    z, who, clip, y = z[known], who[known], clip[known], (level[known] >= 0).astype(int)

    truths = [dataset.truth(s) for s in dataset.subjects()]
    names = ("heart", "pulse", "tonic", "tonic", "warmth", "warmth", "movement", "pupil")
    size = [max(abs(getattr(dataset.world, n).arousal), abs(getattr(dataset.world, n).valence)) for n in names]
    gain = np.array([[t.gain[n] for n in names] for t in truths]) / np.array(size)[:, None]
    informed = np.concatenate([z * gain[who, :, 0], z * gain[who, :, 1], [[truths[i].threshold[1]] for i in who]], axis=1)

    def score(answer):
        return np.mean([balanced_accuracy_score(y[who == i], answer[who == i]) for i in np.unique(who)])

    def across(inputs):
        answer = np.zeros(len(y), int)
        for fold in range(4):
            test = who % 4 == fold
            answer[test] = LogisticRegression(max_iter=500).fit(inputs[~test], y[~test]).predict(inputs[test])
        return score(answer)

    total, count = np.bincount(clip, y), np.bincount(clip)
    others = ((total[clip] - y) >= (count[clip] - 1) / 2).astype(int)
    return across(z), across(informed), score(others)


def test_difficulty_of_people_is_where_it_was_set(people):
    blind, informed, others = difficulty(people)
    assert 0.65 < blind < 0.75
    assert informed > blind + 0.1
    assert 0.82 < informed < 0.92
    assert 0.55 < others < 0.68


def test_knowing_the_person_adds_nothing_in_the_null_world():
    blind, informed, _ = difficulty(SyntheticDataset(world="null"))
    assert abs(informed - blind) < 0.01
    assert blind > 0.8


def test_outsiders_rate_beside_the_person_and_change_nothing_else():
    alone, watched = (next(iter(SyntheticDataset(people=2, recordings=2, seconds=60.0, annotators=n).recordings("P01"))) for n in (1, 4))
    assert equal(alone, watched) and [r.source for r in watched.ratings] == ["self", "outsider 1", "outsider 2", "outsider 3"]
    spans = np.stack([np.arange(0, 58, 2.0), np.arange(2, 60, 2.0)], axis=1)
    shares = rated_votes(watched.ratings, spans, 0.5, "arousal2")
    assert shares is not None and 0.1 < (shares.max(axis=1) < 1.0).mean() < 0.9
    assert rated_votes(alone.ratings, spans, 0.5, "arousal2") is None
    with pytest.raises(InvalidConfig, match="somebody must rate"):
        SyntheticDataset(annotators=0)
