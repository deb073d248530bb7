"""How parameters change given a support set; knows nothing of what the network computes."""

from collections.abc import Callable

from stf2m.meta.anil import Anil, Finetune
from stf2m.meta.black_box import BlackBox
from stf2m.meta.frozen import Frozen
from stf2m.meta.learner import Learner
from stf2m.meta.maml import Maml
from stf2m.meta.meta_lstm import MetaLstm
from stf2m.meta.meta_sgd import MetaSgd
from stf2m.meta.protonet import ProtoNet
from stf2m.meta.r2d2 import R2D2
from stf2m.meta.recurrent import Recurrent
from stf2m.meta.reptile import Reptile
from stf2m.meta.siamese import Siamese

LEARNERS: dict[str, Callable[..., Learner]] = {
    "recurrent": Recurrent,
    "meta_lstm": MetaLstm,
    "black_box": BlackBox,
    "anil": Anil,
    "maml": Maml,
    "meta_sgd": MetaSgd,
    "reptile": Reptile,
    "protonet": ProtoNet,
    "siamese": Siamese,
    "r2d2": R2D2,
    "finetune": Finetune,
    "frozen": Frozen,
}
