"""The axis words of every array, in this order when present.

    task segment modality channel time feature rule emotion step

`segment` is a cut window, `time` counts samples or frames, `feature` is a learned or described
number, `descriptor` a named one, `node` a channel as the graph sees it. Learners and layers are written for one
task; only `meta/outer.py` and `tasks/loader.py` handle the `task` axis.
"""

AXES = ("task", "segment", "modality", "node", "channel", "time", "feature", "descriptor", "rule", "emotion", "step")
