"""Rival networks: other encoders in the place of the spatio-temporal one, so that any learner can adapt any of them."""

from torch import nn

from stf2m.model.baselines.corrnet import CorrNet
from stf2m.model.baselines.early_fusion import EarlyFusion
from stf2m.model.baselines.eegnet import EEGNet
from stf2m.model.baselines.late_fusion import LateFusion
from stf2m.model.baselines.lstm import Lstm
from stf2m.model.baselines.resnet1d import ResNet1d
from stf2m.model.baselines.transformer import Transformer
from stf2m.model.encoder import Encoder

NETWORKS: dict[str, type[nn.Module]] = {
    "spatio_temporal": Encoder,
    "corrnet": CorrNet,
    "resnet1d": ResNet1d,
    "eegnet": EEGNet,
    "lstm": Lstm,
    "early_fusion": EarlyFusion,
    "late_fusion": LateFusion,
    "transformer": Transformer,
}
