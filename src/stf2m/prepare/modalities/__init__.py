"""Every modality that can be prepared: one file each, one line here."""

from stf2m.prepare.modalities.acc import ACC
from stf2m.prepare.modalities.bvp import BVP
from stf2m.prepare.modalities.eda import EDA
from stf2m.prepare.modalities.face import FACE
from stf2m.prepare.modalities.gaze import GAZE
from stf2m.prepare.modalities.head import HEAD
from stf2m.prepare.modalities.hr import HR
from stf2m.prepare.modalities.ibi import IBI
from stf2m.prepare.modalities.pupil import PUPIL
from stf2m.prepare.modalities.temp import TEMP
from stf2m.prepare.modalities.voice import VOICE
from stf2m.prepare.modality import Modality

MODALITIES: dict[str, Modality] = {
    modality.name: modality for modality in (
        EDA, BVP, HR, IBI, TEMP, ACC, PUPIL, GAZE, HEAD, FACE, VOICE,
    )
}  # fmt: skip
