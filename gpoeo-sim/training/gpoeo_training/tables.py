"""Jobs from DVFS tables: time and energy at each setting, and the inputs of models in the default row."""

import csv
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

REQUIRED = ("sm_clock_mhz", "time_s", "energy_j")


class TableError(Exception):
    """A table that cannot be used: where, what, and how to mend it."""


@dataclass
class Job:
    """One workload: settings and costs as columns, the place of the default row, and inputs by name."""

    name: str
    gpu: str
    family: str
    sm_mhz: np.ndarray
    mem_mhz: np.ndarray
    time_s: np.ndarray
    energy_j: np.ndarray
    default: int
    inputs: dict = field(default_factory=dict)

    def ratios(self, axis):
        """Clock over default clock of every setting; axis is sm or mem."""
        mhz = self.sm_mhz if axis == "sm" else self.mem_mhz
        return mhz / mhz[self.default]

    def on(self, axis):
        """Which settings differ from the default in this clock only."""
        other = self.mem_mhz if axis == "sm" else self.sm_mhz
        return other == other[self.default]

    def costs(self, target):
        """Time or energy relative to the default row."""
        values = self.time_s if target == "time" else self.energy_j
        return values / values[self.default]


def read_file(path, known_inputs):
    """All jobs of a table file."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: it cannot be read: {error}") from error
    return parse(text.splitlines(), str(path), known_inputs)


def parse(lines, path, known_inputs):
    """All jobs of a table; `path` names it in errors, and its stem a job without a name."""
    rows = csv.reader(lines)
    header = [name.strip() for name in next(rows, [])]
    place = {name: index for index, name in enumerate(header)}
    for column in REQUIRED:
        if column not in place:
            raise TableError(f"{path}:1: there is no column {column}; the header must name {', '.join(REQUIRED)}")
    drafts = {}
    for row in rows:
        if not any(text.strip() for text in row):
            continue
        line = rows.line_num
        if len(row) != len(header):
            raise TableError(f"{path}:{line}: the row has {len(row)} fields, the header has {len(header)}")

        def text(column):
            return row[place[column]].strip() if column in place else ""

        def number(column):
            try:
                value = float(text(column))
            except ValueError:
                value = np.nan
            if not np.isfinite(value):
                raise TableError(f"{path}:{line}: {column} is {text(column)!r}, which is not a finite number; drop the row")
            return value

        sm_mhz, time_s, energy_j = (number(column) for column in REQUIRED)
        mem_mhz = number("mem_clock_mhz") if text("mem_clock_mhz") else 0.0
        for column, value in zip(REQUIRED, (sm_mhz, time_s, energy_j)):
            if value <= 0:
                raise TableError(f"{path}:{line}: {column} is {text(column)!r}; it must be above 0")
        inputs = {name: number(name) for name in known_inputs if text(name)}
        extra = {name: number(name) for name in ("power_w", "power_limit_w") if text(name)}
        extra["default"] = text("default") == "1"
        name = text("workload") or Path(path).stem
        draft = drafts.setdefault((name, text("gpu")), {"family": text("family"), "rows": [], "line": line})
        draft["rows"].append((sm_mhz, mem_mhz, time_s, energy_j, inputs, extra, line))
    if not drafts:
        raise TableError(f"{path}: there are no rows; a header line and at least one row are needed")
    return [_job(name, gpu, draft, path) for (name, gpu), draft in drafts.items()]


def _job(name, gpu, draft, path):
    rows = draft["rows"]
    marked = [index for index, row in enumerate(rows) if row[5]["default"]]
    if len(marked) > 1:
        raise TableError(f"{path}:{rows[marked[1]][6]}: the default of {name} stands in line {rows[marked[0]][6]} already")
    default = marked[0] if marked else max(range(len(rows)), key=lambda index: (rows[index][1], rows[index][0]))
    sm_mhz, mem_mhz, time_s, energy_j = (np.array([row[column] for row in rows]) for column in range(4))
    # Where all rows have one memory clock, or none is said, there is nothing to model.
    mem_mhz = np.where(mem_mhz > 0, mem_mhz, 1.0)
    inputs, extra = dict(rows[default][4]), rows[default][5]
    if "power_per_limit" not in inputs and "power_limit_w" in extra:
        power_w = extra.get("power_w", energy_j[default] / time_s[default])
        inputs["power_per_limit"] = power_w / extra["power_limit_w"]
    return Job(name, gpu, draft["family"], sm_mhz, mem_mhz, time_s, energy_j, default, inputs)


def read_folder(folder, known_inputs):
    """All jobs of the tables in a folder, and the hash of each file."""
    files = sorted(path for path in Path(folder).rglob("*.csv") if path.is_file())
    if not files:
        raise TableError(f"{folder}: there is no .csv file in it; give a folder of DVFS tables")
    jobs, hashes = [], {}
    for path in files:
        jobs += read_file(path, known_inputs)
        hashes[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return jobs, hashes
