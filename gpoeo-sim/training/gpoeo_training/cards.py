"""What is written: the models as XGBoost saves them, and the card beside them."""

import hashlib
import json

import numpy as np
import xgboost

from .models import COUNTER_NOISE, DROPPED, PARAMETERS, TELEMETRY_NOISE
from .variants import REQUIRED


def write(folder, *, family, gpus, variant, names, boosters, errors, train, inputs, source, notice, metrics):
    """Writes a variant into `folder`; the same arguments give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    models = {}
    for (target, axis), booster in boosters.items():
        name = f"{target}_{axis}"
        data = bytes(booster.save_raw("ubj"))
        (folder / f"{name}.ubj").write_bytes(data)
        models[name] = {"sha256": hashlib.sha256(data).hexdigest(), "error": errors[target, axis]}
    first = train[0]
    card = {
        "format": 1,
        "family": family,
        "gpus": gpus,
        "variant": variant,
        "default_clocks": {
            "sm_mhz": int(first.sm_mhz[first.default]),
            "mem_mhz": int(first.mem_mhz[first.default]),
        },
        "features": [_feature(name, variant, train, inputs) for name in ["clock_ratio", *names]],
        "models": models,
        "source": source,
        "training": _training(boosters),
        "notice": notice,
        "metrics": metrics,
    }
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _feature(name, variant, train, inputs):
    if name == "clock_ratio":
        values = np.concatenate([job.ratios(axis)[job.on(axis)] for job in train for axis in ("sm", "mem")])
    else:
        values = np.array([job.inputs[name] for job in train if name in job.inputs])
    described = next(one for one in inputs if one["name"] == name)
    return {
        "name": name,
        "unit": described["unit"],
        "formula": described["formula"],
        "low": float(np.float32(values.min())),
        "high": float(np.float32(values.max())),
        "required": name == "clock_ratio" or name in REQUIRED[variant],
    }


def _training(boosters):
    parameters = ", ".join(f"{name} {value}" for name, value in PARAMETERS.items())
    trees = ", ".join(f"{target}_{axis} {booster.num_boosted_rounds()}" for (target, axis), booster in boosters.items())
    return (
        f"XGBoost {xgboost.__version__}, numpy {np.__version__}: {parameters}; trees {trees}; rows weighted by 1 / (0.1 + slowdown), each twice, once with counters "
        f"off by {COUNTER_NOISE:.0%}, telemetry by {TELEMETRY_NOISE:.0%} and {DROPPED:.0%} of the inputs missing"
    )
