"""Calibration in a study: fitted on the validation people's replies, per number of labels, and judged on test people."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stf2m.core.records import Segments
from stf2m.evaluation.metrics import ece
from stf2m.evaluation.predictor import Predictor, Reply
from stf2m.evaluation.protocols.split import Split
from stf2m.training.calibration import AXES, KINDS, LEVEL, Calibration, Fit, Heard, Kind, fit_calibration
from stf2m.training.temperature import nll

CALIBRATED = (
    "temperature", "ece_calibrated", "nll", "nll_calibrated",
    *(f"{what}_{kind}" for kind in KINDS for what in ("coverage", "least", "size")),
    *(f"{what}_{axis}_{kind}" for kind in KINDS for axis in AXES for what in ("coverage", "width")),
)  # fmt: skip
"""columns of a row: `coverage` is the share of truths inside, `least` that of the class with the least, `size` emotions per set"""


def calibrate(predictor: Predictor, segments: Segments, target: str, splits: Sequence[Split], *, level: float = LEVEL) -> Calibration:
    """Fits for every k among the splits of validation people; no fits where there is nobody to fit on.

    The predictor must not have learnt from these people's labels; that early stopping or tuning looked at them makes its
    answers a little too good there, and coverage on others a little too small.
    """
    needs = getattr(predictor, "needs_support", False)
    fits = []
    for shots in sorted({split.shots for split in splits if split.shots or not needs}):
        mine = [split for split in splits if split.shots == shots]
        replies = [predictor.reply(segments, split.support, split.query, target=target) for split in mine]
        labels = float(np.median([len(split.support) for split in mine]))
        fits.append(fit_calibration(heard(segments, target, mine, replies), shots=shots, labels=labels, level=level))
    return Calibration(level=level, fits=tuple(fit for fit in fits if fit is not None))


def heard(segments: Segments, target: str, splits: Sequence[Split], replies: Sequence[Reply]) -> Heard:
    """Replies beside what is true, as one array over splits."""
    rows = np.concatenate([split.query for split in splits])
    ratings = [reply.rating for reply in replies if reply.rating is not None]
    return Heard(
        np.concatenate([np.full(len(split.query), split.subject) for split in splits]),
        segments.targets[target][rows].astype(np.int64),
        np.concatenate([reply.probability for reply in replies]).astype(np.float64),
        np.concatenate(ratings) if len(ratings) == len(replies) else None,
        segments.rating[rows].astype(np.float64),
    )


def fit_for(calibration: Calibration | None, shots: int) -> Fit | None:
    """The fit of exactly this k."""
    fits = calibration.fits if calibration is not None else ()
    return next((fit for fit in fits if fit.shots == shots), None)


def measure_calibrated(fit: Fit, truth: NDArray[np.integer], reply: Reply, rated: NDArray[np.floating]) -> dict[str, float]:
    """The columns of `CALIBRATED` for one person's answers; `rated` (segment, 2) are the person's own ratings, NaN = none."""
    p, known = reply.probability, truth >= 0
    cooled = fit.probability(p)
    row = {
        "temperature": fit.temperature, "ece_calibrated": ece(truth[known], cooled[known]),
        "nll": nll(truth[known], p[known]), "nll_calibrated": nll(truth[known], cooled[known]),
    }  # fmt: skip
    for kind in KINDS:
        chosen = fit.sets_of(p[known], kind)
        inside = chosen[np.arange(len(chosen)), truth[known]]
        counts = np.bincount(truth[known])
        share = np.bincount(truth[known], weights=inside)[counts > 0] / counts[counts > 0]
        row |= {f"coverage_{kind}": float(inside.mean()), f"least_{kind}": float(share.min()), f"size_{kind}": float(chosen.sum(1).mean())}
        for i in range(len(AXES) if reply.rating is not None else 0):
            row |= _interval(fit, kind, i, reply, rated)
    return row


def _interval(fit: Fit, kind: Kind, i: int, reply: Reply, rated: NDArray[np.floating]) -> dict[str, float]:
    """Coverage and mean width of one rating's interval, where the person rated at all."""
    axis, known = AXES[i], np.isfinite(rated[:, i])
    assert reply.rating is not None
    found = fit.interval(axis, reply.rating[known, i], reply.probability[known], kind)
    if found is None or not len(found):
        return {}
    inside = (found[:, 0] <= rated[known, i]) & (rated[known, i] <= found[:, 1])
    return {f"coverage_{axis}_{kind}": float(inside.mean()), f"width_{axis}_{kind}": float(np.diff(found, axis=1).mean())}
