"""Everything of one step and one model that its replay in time needs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.arrays import FloatArray, IntArray
from tsfm_runner.evaluation.panel import Origins, Panel
from tsfm_runner.ports import Arrays
from tsfm_runner.service.calibration.describing import (
    Description,
    SegmentId,
    Traits,
    segments_of,
)

SingleArray = npt.NDArray[np.float32]


class Material(NamedTuple):
    """The origins of a panel with what was drawn and found at each of them.

    ``segments`` has an element for each segment, ``segment_of`` its place for each
    origin; ``models`` is the place of the model that answered among
    ``model_names``, pairs of name and revision.
    """

    panel: Panel
    origins: Origins
    traits: Traits
    tick: FloatArray
    segments: list[SegmentId]
    segment_of: IntArray
    raw: SingleArray
    models: IntArray
    model_names: list[tuple[str, str]]

    def described(self, rows: IntArray) -> Description:
        """Return the description of some origins, as the calibrator wants it."""
        segments = [self.segments[place] for place in self.segment_of[rows].tolist()]
        traits = Traits._make(column[rows] for column in self.traits)
        return traits.described(segments, self.tick[rows])


def material_of(
    panel: Panel,
    origins: Origins,
    described: Sequence[Arrays],
    drawn: Sequence[Arrays],
    model: tuple[str, str],
) -> Material:
    """Put together what was found of the parts of a panel, in their order.

    ``model`` is the name and revision of the model wherever no other answered.
    """
    columns = {
        name: np.concatenate([part[name] for part in described])
        for name in described[0]
    }
    traits = Traits._make(columns[name] for name in Traits._fields)
    segments, segment_of = _segments(panel, origins, traits.codes)
    models, names = _models(drawn, model)
    raw = np.concatenate([part["values"] for part in drawn])
    return Material(
        *(panel, origins, traits, columns["tick"], segments, segment_of),
        *(raw, models, names),
    )


def _segments(
    panel: Panel, origins: Origins, codes: IntArray
) -> tuple[list[SegmentId], IntArray]:
    categories = sorted({market.facts.category or "" for market in panel.markets})
    place_of = {name: place for place, name in enumerate(categories)}
    of_market = [place_of[market.facts.category or ""] for market in panel.markets]
    keys = np.column_stack((np.array(of_market)[origins.markets], codes))
    unique, inverse = np.unique(keys, axis=0, return_inverse=True)
    names = [categories[place] or None for place in unique[:, 0].tolist()]
    return segments_of(names, unique[:, 1:]), inverse.reshape(-1)


def _models(
    drawn: Sequence[Arrays], model: tuple[str, str]
) -> tuple[IntArray, list[tuple[str, str]]]:
    """Return which model answered at each origin, and all that did."""
    names: dict[tuple[str, str], int] = {}
    found = []
    for part in drawn:
        if "models" not in part:
            place = names.setdefault(model, len(names))
            found.append(np.full(len(part["values"]), place))
            continue
        told = [tuple(row) for row in part["model_names"].tolist()]
        places = [
            names.setdefault((name, version), len(names)) for name, version in told
        ]
        found.append(np.array(places, dtype=np.int64)[part["models"]])
    return np.concatenate(found), list(names)
