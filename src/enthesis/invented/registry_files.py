"""Write an invented registry as Parquet, with its known answer beside it, block by block.

    write_registry(Path("invented"), courses=2000, seed=1)

Memory holds one block at a time, so ten million courses need no more than a quarter million do.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from enthesis.invented.registry import World, invent_courses, invent_world
from enthesis.invented.registry_tables import Column, Table, Words, tables_of
from enthesis.invented.registry_truth import RegistryTruth, shipped_registry_truth

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 250_000
ANSWER = "known_answer.toml"


def write_registry(
    folder: Path, courses: int, seed: int, truth: RegistryTruth | None = None
) -> World:
    """Write the six tables and `known_answer.toml` into `folder`; return the world.

    Raises ValueError for fewer than one course, FileExistsError for a folder with tables in it.
    """
    import pyarrow.parquet as pq  # half a second: only for who writes

    if courses < 1:
        raise ValueError(f"A registry needs at least one course, not {courses}.")
    if any(folder.glob("*.parquet")):
        raise FileExistsError(f"{folder} already holds a registry: name an empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    world = invent_world(truth or shipped_registry_truth(), seed)
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for block, first in enumerate(range(0, courses, BLOCK)):
            invented = invent_courses(world, min(BLOCK, courses - first), seed, block=block)
            tables = tables_of(invented, first=first, seed=seed, block=block)
            for name, table in tables.items():
                arrow = arrow_of(table)
                if name not in writers:
                    writers[name] = pq.ParquetWriter(
                        folder / f"{name}.parquet", arrow.schema, compression="zstd"
                    )
                writers[name].write_table(arrow)
    finally:
        for writer in writers.values():
            writer.close()
    (folder / ANSWER).write_text(known_answer(world, courses, seed), encoding="utf-8")
    return world


def arrow_of(table: Table) -> "pa.Table":
    """A table of columns as Arrow has it: words as text, unknown as null."""
    import pyarrow as pa

    def column(values: Column) -> "pa.Array":
        if isinstance(values, Words):
            codes = pa.array(values.codes, mask=values.codes < 0)
            return pa.DictionaryArray.from_arrays(codes, pa.array(values.words)).cast(pa.string())
        if isinstance(values, np.ma.MaskedArray):
            return pa.array(values.data, mask=np.ma.getmaskarray(values))
        return pa.array(values)

    return pa.table({name: column(values) for name, values in table.items()})


def known_answer(world: World, courses: int, seed: int) -> str:
    """The true answers as TOML: means at each window, and the share reached by each session."""
    truth = world.truth
    lines = [
        "# What is true of this invented registry. Nothing in it was measured.",
        f"courses = {courses}",
        f"seed = {seed}",
        f"window_days = {list(truth.windows.days)}",
        f"delta_of_the_silent = {float(truth.silence.delta)}",
    ]
    for number, arm in enumerate(truth.arm):
        lines += [
            "",
            "[[arm]]",
            f'condition = "{arm.condition}"',
            f'protocol = "{arm.protocol}"',
            f"mean_pain = {_listed(world.rounded_means[number])}",
            f"mean_latent_pain = {_listed(world.means[number])}",
            f"reached_by_session = {_listed(np.cumsum(np.array(arm.reach, dtype=float)))}",
        ]
    for harm in truth.harm:
        lines += [
            "",
            "[[harm]]",
            f'kind = "{harm.kind}"',
            f"grade = {harm.grade}",
            f"per_session = {harm.per_session}",
        ]
    return "\n".join(lines) + "\n"


def _listed(values: "np.typing.NDArray[np.float64]") -> list[float]:
    return [round(float(value), 6) for value in values]
