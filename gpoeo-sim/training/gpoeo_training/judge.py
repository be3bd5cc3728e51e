"""How good forecasts are: errors of time and energy, and what a choice by them costs."""

import numpy as np

MAX_SLOWDOWN = 0.05
NEAR = 0.10


def by_models(boosters, names, jobs, inputs):
    """A forecaster: for each job, time and energy at its settings; the product of both clocks' forecasts."""
    from .models import KINDS, forecasts

    curves = {
        (target, axis): forecasts(boosters[target, axis], names, jobs, inputs, axis)
        for target, axis in KINDS if (target, axis) in boosters
    }

    def at(index, target):
        job, costs = jobs[index], 1.0
        for axis in ("sm", "mem"):
            if (target, axis) in curves:
                known, values = curves[target, axis][index]
                costs = costs * values[np.searchsorted(known, job.ratios(axis))]
        return np.broadcast_to(costs, job.time_s.shape)

    return at


def by_mean_curve(train, jobs):
    """The mean of the training jobs at each clock: what is known without any input."""
    mean = {}
    for target in ("time", "energy"):
        for axis in ("sm", "mem"):
            sums = {}
            for job in train:
                on = job.on(axis)
                for ratio, cost in zip(np.round(job.ratios(axis)[on], 4), job.costs(target)[on]):
                    sums.setdefault(float(ratio), []).append(np.log(cost))
            ratios = np.array(sorted(sums))
            mean[target, axis] = ratios, np.array([np.mean(sums[ratio]) for ratio in ratios])

    def at(index, target):
        job, logs = jobs[index], 0.0
        for axis in ("sm", "mem"):
            logs = logs + np.interp(job.ratios(axis), *mean[target, axis])
        return np.exp(logs)

    return at


def by_two_clocks(jobs):
    """`a/f + b` along the SM clock through the true time at the default and at 0.7 of it, `a f^2 + b` for the power: what
    two measurements say. Nothing is said of other memory clocks, so they are never chosen."""

    def at(index, target):
        job = jobs[index]
        ratios, on = job.ratios("sm"), job.on("sm")
        probe = np.flatnonzero(on)[np.argmin(np.abs(ratios[on] - 0.7))]
        time, energy = job.costs("time"), job.costs("energy")
        slope = (time[probe] - 1.0) / max(1.0 / ratios[probe] - 1.0, 1e-9)
        times = np.where(on, 1.0 + slope * (1.0 / ratios - 1.0), 1e3)
        if target == "time":
            return times
        power = (energy[probe] / time[probe] - 1.0) / min(ratios[probe] ** 2 - 1.0, -1e-9)
        return np.maximum(times * (1.0 + power * (ratios**2 - 1.0)), 1e-3)

    return at


def by_default(jobs):
    """Nothing changes anything."""
    return lambda index, target: np.ones_like(jobs[index].time_s)


def judge(at, jobs, memory=True):
    """Errors and regret of a forecaster over jobs, as numbers by name. `memory`: whether it says anything of memory clocks."""
    errors = {"time": [], "energy": [], "time_near": [], "energy_near": []}
    regret, lost, over = [], [], []
    for index, job in enumerate(jobs):
        time, energy = job.costs("time"), job.costs("energy")
        # Both axes, as models are trained on; the product of the two is judged by the choice.
        axes = (job.on("sm") | (job.on("mem") & memory)) & (np.arange(len(time)) != job.default)
        near = axes & (time <= 1.0 + NEAR)
        said = {target: at(index, target) for target in ("time", "energy")}
        for target, true in (("time", time), ("energy", energy)):
            error = np.abs(said[target] / true - 1.0)
            errors[target].append(np.mean(error[axes]) if axes.any() else 0.0)
            errors[target + "_near"].append(np.mean(error[near]) if near.any() else 0.0)
        allowed = said["time"] <= 1.0 + MAX_SLOWDOWN
        # Of equals the default.
        ranked = said["energy"] - 1e-9 * (np.arange(len(time)) == job.default)
        chosen = int(np.argmin(np.where(allowed, ranked, np.inf))) if allowed.any() else job.default
        oracle = np.min(energy[time <= 1.0 + MAX_SLOWDOWN])
        over.append(max(time[chosen] - 1.0 - MAX_SLOWDOWN, 0.0))
        regret.append(energy[chosen] / oracle - 1.0)
        lost.append(100.0 * (energy[chosen] - oracle))
    out = {}
    for name, values in errors.items():
        out[f"{name}_error_median"] = np.median(values)
        out[f"{name}_error_p90"] = np.quantile(values, 0.9)
        out[f"{name}_error_worst"] = np.max(values)
    lost, over = np.array(lost), np.array(over)
    # A choice over the limit saves more than the oracle may: it counts by its distance.
    out["lost_points_median"] = np.median(np.abs(lost))
    out["lost_points_p90"] = np.quantile(np.abs(lost), 0.9)
    out["regret_median"] = np.median(regret)
    out["over_limit_share"] = np.mean(over > 0.0)
    out["over_limit_p90"] = np.quantile(over, 0.9)
    out["over_limit_worst"] = np.max(over)
    return {name: round(float(value), 5) for name, value in out.items()}


def expected_error(booster, names, jobs, inputs, target, axis, points=12):
    """Root mean square of ln(forecast / true) around some clock ratios, ascending; 0 at the default by construction."""
    from .models import forecasts

    ratios, errors = [], []
    for job, (known, values) in zip(jobs, forecasts(booster, names, jobs, inputs, axis)):
        on = job.on(axis)
        own = job.ratios(axis)[on]
        ratios.append(own)
        errors.append(np.log(values[np.searchsorted(known, own)] / job.costs(target)[on]))
    ratios, errors = np.round(np.concatenate(ratios), 4), np.concatenate(errors)
    distinct = np.unique(ratios)
    out = []
    for group in np.array_split(distinct, min(points, len(distinct))):
        inside = (ratios >= group[0]) & (ratios <= group[-1])
        out.append({
            "ratio": round(float(np.mean(group)), 4),
            "stderr": round(float(min(np.sqrt(np.mean(errors[inside] ** 2)), 1.0)), 5),
        })
    return out
