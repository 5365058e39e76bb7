"""How many sessions the clinic's series came to, from its registry as it was last brought up to
date. Arrow is imported inside: see `outcomes.py`."""

from functools import lru_cache
from pathlib import Path

from enthesis.clinic import models
from enthesis.clinic.outcomes import folder

# How a series stands that is not known to have ended: it counts for as long as it was seen.
NOT_ENDED = (None, "ongoing", "lost")


def series_lengths(clinic: models.Clinic, protocol: str) -> tuple[tuple[int, bool], ...]:
    """(sessions given, whether the series has ended) of each course of this protocol.

    Empty while there is no registry, or none that can be read: a plan can be made without.
    """
    from enthesis.clinic.actions.registry import clinic_number
    from enthesis.outcomes.registry import MANIFEST, RegistryError, of_one_cut

    if not (folder() / MANIFEST).exists():
        return ()
    number, where = clinic_number(clinic.pk), str(folder())
    try:
        return of_one_cut(folder(), lambda cut: _read(where, cut.sha256, number, protocol))
    except RegistryError:
        return ()


@lru_cache(maxsize=64)
def _read(where: str, cut: str, number: int, protocol: str) -> tuple[tuple[int, bool], ...]:
    """By the cut's hash: a plan is worked out anew with each change that is typed."""
    import pyarrow.compute as pc

    from enthesis.outcomes.registry import read_table

    table = read_table(Path(where), "courses", ["clinic", "protocol", "sessions", "ended"])
    same = pc.and_(pc.equal(table["clinic"], number), pc.equal(table["protocol"], protocol))
    return tuple(
        (row["sessions"], row["ended"] not in NOT_ENDED)
        for row in table.filter(pc.fill_null(same, False)).to_pylist()
    )
