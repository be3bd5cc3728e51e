"""The four models of a variant: rows from jobs, boosting with early stopping, forecasts relative to the default."""

import numpy as np
import xgboost

KINDS = [("time", "sm"), ("energy", "sm"), ("time", "mem"), ("energy", "mem")]
SEED = 10_000_000_001

# Chosen on the validation part: twice the leaves or trees gain less than 0.2 points of median error and outgrow 3 MiB in all.
# Squared relative error by reg:gamma's deviance, whose logarithm also keeps every forecast above 0.
PARAMETERS = {
    "objective": "reg:gamma",
    "tree_method": "hist",
    "max_bin": 128,
    "grow_policy": "lossguide",
    "max_depth": 8,
    "max_leaves": 16,
    "learning_rate": 0.2,
    "min_child_weight": 4.0,
    "nthread": 1,
    "seed": 1,
}
ROUNDS = {"sm": 165, "mem": 40}
PATIENCE = 20

# Settings near the default decide what is chosen under a slowdown limit; one slower by this much weighs half of one that is not.
FULL_WEIGHT = 0.10

# Half of the training rows are seen as a worse device would show them: counters off by this much, telemetry by that (ratio),
# and each input missing with this probability, as on GPUs that lack it.
COUNTER_NOISE = 0.10
TELEMETRY_NOISE = 0.03
DROPPED = 0.15


def inputs_of(jobs, names):
    """Inputs by job, n × names, NaN where missing."""
    return np.array([[job.inputs.get(name, np.nan) for name in names] for job in jobs], dtype=np.float32)


def disturbed(inputs, names, counters, rng, noise=COUNTER_NOISE, telemetry=TELEMETRY_NOISE, dropped=DROPPED):
    """The same inputs as a worse device would show them."""
    scale = np.array([noise if name in counters else telemetry for name in names])
    worse = inputs * np.exp(scale * rng.standard_normal(inputs.shape))
    worse[rng.random(inputs.shape) < dropped] = np.nan
    return worse.astype(np.float32)


def rows_of(jobs, inputs, target, axis):
    """Rows (clock ratio, then inputs), the cost of each, and what it weighs."""
    rows, costs, weights = [], [], []
    for job, known in zip(jobs, inputs):
        on = job.on(axis)
        ratios = job.ratios(axis)[on].astype(np.float32)
        rows.append(np.column_stack([ratios, np.tile(known, (len(ratios), 1))]))
        costs.append(job.costs(target)[on])
        weights.append(1.0 / (FULL_WEIGHT + np.abs(job.costs("time")[on] - 1.0)))
    return np.concatenate(rows), np.concatenate(costs), np.concatenate(weights)


def fit(train, validate, names, counters, target, axis, rounds=None):
    """One model. Early stopping on the validation jobs, cut to its best iteration."""
    features = ["clock_ratio", *names]
    rng = np.random.default_rng([SEED, axis == "mem", target == "energy"])
    clean = inputs_of(train, names)
    worse = disturbed(clean, names, counters, rng)
    parts = [rows_of(train, inputs, target, axis) for inputs in (clean, worse)]
    rows, costs, weights = (np.concatenate(column) for column in zip(*parts))
    data = xgboost.DMatrix(rows, costs, weight=weights, feature_names=features, nthread=1)
    rows, costs, weights = rows_of(validate, inputs_of(validate, names), target, axis)
    check = xgboost.DMatrix(rows, costs, weight=weights, feature_names=features, nthread=1)
    booster = xgboost.train(PARAMETERS, data, rounds or ROUNDS[axis], evals=[(check, "validate")],
                            early_stopping_rounds=PATIENCE, verbose_eval=False)
    booster = booster[: booster.best_iteration + 1]
    for name in ("best_iteration", "best_score"):
        booster.set_attr(**{name: None})
    return booster


def forecast(booster, names, inputs, ratios):
    """Costs of one job at clock ratios, relative to its forecast at 1."""
    rows = np.column_stack([np.append(ratios, 1.0), np.tile(inputs, (len(ratios) + 1, 1))]).astype(np.float32)
    costs = booster.predict(xgboost.DMatrix(rows, feature_names=["clock_ratio", *names], nthread=1))
    return costs[:-1].astype(float) / float(costs[-1])


def forecasts(booster, names, jobs, inputs, axis):
    """For each job: costs at its distinct clock ratios of an axis, as {ratio: cost}. One call for all."""
    ratios = [np.unique(np.append(job.ratios(axis), 1.0)) for job in jobs]
    rows = np.concatenate([
        np.column_stack([some, np.tile(known, (len(some), 1))]) for some, known in zip(ratios, inputs)
    ]).astype(np.float32)
    costs = booster.predict(xgboost.DMatrix(rows, feature_names=["clock_ratio", *names], nthread=1)).astype(float)
    out, first = [], 0
    for some in ratios:
        own = costs[first:first + len(some)]
        first += len(some)
        out.append((some, own / own[np.searchsorted(some, 1.0)]))
    return out
