"""The drawings of the body maps. A map is one view, or several side by side; a module holds one
map. `body_map` of a condition is a key of MAPS, `map` in `site_positions.csv` the id of a view."""

from collections.abc import Mapping
from types import MappingProxyType

from enthesis.charts.anatomy.ankle_foot import ANKLE_INNER, ANKLE_OUTER
from enthesis.charts.anatomy.drawing import Drawing
from enthesis.charts.anatomy.elbow import ELBOW
from enthesis.charts.anatomy.hand import HAND
from enthesis.charts.anatomy.hip import HIP_BACK, HIP_FRONT
from enthesis.charts.anatomy.jaw import JAW
from enthesis.charts.anatomy.knee import KNEE
from enthesis.charts.anatomy.low_back import LOW_BACK
from enthesis.charts.anatomy.neck import NECK
from enthesis.charts.anatomy.shoulder import SHOULDER_BACK, SHOULDER_FRONT

MAPS: Mapping[str, tuple[Drawing, ...]] = MappingProxyType(
    {
        "low_back": (LOW_BACK,),
        "knee": (KNEE,),
        "neck": (NECK,),
        "jaw": (JAW,),
        "elbow": (ELBOW,),
        "shoulder": (
            SHOULDER_FRONT,
            SHOULDER_BACK,
        ),
        "hand": (HAND,),
        "hip": (
            HIP_FRONT,
            HIP_BACK,
        ),
        "ankle_foot": (
            ANKLE_OUTER,
            ANKLE_INNER,
        ),
    }
)
