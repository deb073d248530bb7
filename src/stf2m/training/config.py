"""Every default of meta-training, once."""

from pydantic import Field

from stf2m.core.config import Settings, later
from stf2m.meta.losses import RatingLoss
from stf2m.model.config import NetworkConfig
from stf2m.tasks.sampling import TaskSettings

Option = bool | int | float


class TrainConfig(Settings):
    """One training: the learner, the network, the tasks and the outer loop."""

    learner: str = "recurrent"
    options: dict[str, Option] = Field(default_factory=dict)
    """keyword arguments of the learner, for example steps = 3"""
    network: NetworkConfig = NetworkConfig()
    tasks: TaskSettings = TaskSettings()
    seed: int = 0
    steps: int = Field(default=300, ge=0)
    """outer steps"""
    episodes: int = Field(default=8, ge=1)
    """tasks per outer step"""
    rate: float = Field(default=2e-3, gt=0)
    """AdamW step size after warm-up; falls to 2 % of it on a cosine"""
    scalar_pace: float = Field(default=3.0, gt=0)
    """how much faster than weights the few scalars of a learner move (how far to trust, pull and step), which a short
    training would otherwise leave where they began"""
    warm_up: int = 20
    weight_decay: float = 0.05
    clip: float = 2.0
    """longest gradient"""
    average: float = Field(default=0.98, ge=0, lt=1)
    """memory of the running mean of the weights that is validated and kept"""
    augment: float = Field(default=0.3, ge=0)
    """s.d. of the synthetic per-person shift of every descriptor, in s.d. of the training people"""
    fuzzy: float = 0.1
    rule_use: float = 0.01
    relevance: float = 1e-3
    """weight of the mean relevance: rules short enough to read"""
    rating: float = 0.5
    """weight of the ratings' loss"""
    rating_loss: RatingLoss = later("squared")
    """of valence and arousal in the outer loss: squared error, or "ccc", 1 - the concordance of a task's query"""
    ordinal: float = later(0.0, ge=0)
    """weight of the squared earth mover's distance beside the cross-entropy of support and query; for classes with an order"""
    soft_labels: bool = later(True)
    """where several annotators labelled, losses and prototypes use the shares of their votes in the place of the class"""
    smoothing: float = 0.05
    centres_at: int = 30
    """outer step at which rule centres move to the k-means centres of the warmed-up inputs"""
    validate_every: int = Field(default=25, ge=1)
    validation_tasks: int = Field(default=4, ge=1)
    """per validation person and number of shots"""
    patience: int = Field(default=8, ge=1)
    """validations without a better score before stopping early"""
    checkpoint_every: int = Field(default=50, ge=1)
    normalisation: str = "causal"
    cautious: bool = later(False)
    """validation people choose how far labels of a new person move the answer away from people in general (`meta/caution.py`)"""
    label_times: bool = later(False)
    """labels near in time are evidence beside the signals; a study sets it where a protocol's context has `label_times`"""

    @property
    def training(self) -> "TrainConfig":
        """What training depends on: `finetune` differs from `frozen` at test time only."""
        return self.model_copy(update={"learner": "frozen", "options": {}}) if self.learner == "finetune" else self
