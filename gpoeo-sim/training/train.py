#!/usr/bin/env python3
"""Trains gpoeo's models: the shipped sets from the simulator's pool of jobs, or one from measured sweeps of your own.

  ./train.sh                                   the shipped sets, into gpoeo-core/models
  ./train.sh --tables DIR --out DIR            your own sweeps (docs/training.md)
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from gpoeo_training import cards, judge, models, tables
from gpoeo_training.variants import COUNTERS, GPM, INPUTS, NVML, PAPER

HERE = Path(__file__).resolve().parent
# What is shipped: each card with the variants that it can have, and how drivers call it.
SHIPPED = {"rtx3080ti": (["counters", "nvml"], ["RTX 3080 Ti"]), "h100": (["gpm", "nvml"], ["H100"])}
HELD_OUT = "gnn_dense"
SIMULATED = "trained on simulated workloads with simulated physics; not trained on any real GPU, not validated on hardware"
FEW_JOBS, FEWEST_JOBS, FEW_SETTINGS = 20, 6, 8


def main():
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "../../gpoeo-core/models", help="where sets are written")
    parser.add_argument("--simulator", help="the program gpoeo-sim")
    parser.add_argument("--tables", type=Path, help="a folder of DVFS tables to train from instead of the pool")
    parser.add_argument("--gpu", action="append", help="only this card; with --tables: only rows of this gpu")
    parser.add_argument("--count", type=int, default=4000, help="jobs to train on; a quarter to validate, a quarter to test")
    arguments = parser.parse_args()
    try:
        if arguments.tables:
            train_from_tables(arguments)
        elif arguments.simulator:
            for gpu in arguments.gpu or SHIPPED:
                train_from_pool(gpu, arguments)
        else:
            parser.error("give --simulator PROGRAM, or --tables DIR; train.sh finds the simulator")
    except tables.TableError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    return 0


def known_inputs():
    """What there is to know about every input."""
    return json.loads((HERE / "inputs.json").read_text(encoding="utf-8"))


def train_from_pool(gpu, arguments):
    """The shipped variants of one card."""
    if gpu not in SHIPPED:
        raise tables.TableError(f"--gpu {gpu}: there is a pool for {', '.join(SHIPPED)}")
    variants, gpus = SHIPPED[gpu]
    names = [one["name"] for one in known_inputs()]

    def pool(part, count, *more):
        command = [arguments.simulator, "pool", "--gpu", gpu, "--part", part, "--count", str(count), *more]
        text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        return tables.parse(text.splitlines(), f"pool {part}", names)

    count = max(arguments.count, 8)
    train, validate = pool("train", count), pool("validate", count // 4)
    test, suite = pool("test", count // 4, "--all-settings"), pool("suite", 71, "--all-settings")
    version = subprocess.run([arguments.simulator, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    source = (
        f"{version}, pool of {gpu}: {len(train)} workloads of seed 10000000001 to train, {len(validate)} of 10000000002 to "
        f"validate, {len(test)} of 10000000003 to test; paper71 neither trained on nor chosen by"
    )
    for variant in variants:
        out = arguments.out / gpu / variant
        train_variant(
            variant, INPUTS[variant], train, validate, test, suite=suite, held_out=HELD_OUT, out=out, family=gpu, gpus=gpus,
            source=source, notice=SIMULATED,
        )


def train_from_tables(arguments):
    """One variant: the best that the columns allow."""
    names = [one["name"] for one in known_inputs()]
    jobs, hashes = tables.read_folder(arguments.tables, names)
    gpus = sorted({job.gpu for job in jobs})
    if arguments.gpu:
        jobs = [job for job in jobs if job.gpu in arguments.gpu]
        if not jobs:
            raise tables.TableError(f"--gpu {' '.join(arguments.gpu)}: no row is of it; there are {', '.join(gpus) or 'none'}")
    elif len(gpus) > 1:
        raise tables.TableError(f"{arguments.tables}: tables of several GPUs ({', '.join(gpus)}); choose one with --gpu")
    variant, chosen = variant_of(jobs, arguments.tables)
    if len(jobs) < FEWEST_JOBS:
        raise tables.TableError(
            f"{arguments.tables}: {len(jobs)} workloads; at least {FEWEST_JOBS} are needed to train, validate and test with"
        )
    if len(jobs) < FEW_JOBS:
        warn(f"only {len(jobs)} workloads: errors on others will be larger than the card can tell; {FEW_JOBS} or more are better")
    few = [job.name for job in jobs if len(job.time_s) < FEW_SETTINGS]
    if few:
        warn(f"fewer than {FEW_SETTINGS} settings of {', '.join(few[:5])}{' and others' if len(few) > 5 else ''}")
    # By workload, never by row; the order depends on nothing but the names.
    jobs.sort(key=lambda job: (job.gpu, job.name))
    order = np.random.default_rng(1).permutation(len(jobs))
    parts = np.split(order, [len(jobs) * 6 // 10, len(jobs) * 8 // 10])
    train, validate, test = ([jobs[index] for index in part] for part in parts)
    digest = "; ".join(f"{name} {value[:16]}" for name, value in hashes.items())
    gpu = jobs[0].gpu or arguments.tables.name
    train_variant(
        variant, chosen, train, validate, test, out=arguments.out / variant, family=gpu, gpus=[jobs[0].gpu] if jobs[0].gpu else [],
        source=f"tables (SHA-256 begins): {digest}", notice="trained on measured sweeps; " + (
            f"{len(jobs)} workloads only" if len(jobs) < FEW_JOBS else f"{len(jobs)} workloads"),
    )


def variant_of(jobs, folder):
    """The variant whose inputs are there, and those inputs."""
    there = {name for job in jobs for name in job.inputs}
    for variant, own, least in (("counters", PAPER, 4), ("gpm", GPM, 3), ("nvml", NVML, 1)):
        if len(there & set(own)) >= least:
            chosen = [name for name in INPUTS[variant] if name in there]
            missing = [name for name in cards.REQUIRED[variant] if name not in there]
            if missing:
                raise tables.TableError(
                    f"{folder}: there are inputs of the variant {variant}, but no {', '.join(missing)}; add the column to each "
                    "workload's default row"
                )
            blind = [job.name for job in jobs if any(name not in job.inputs for name in cards.REQUIRED[variant])]
            if blind:
                raise tables.TableError(
                    f"{folder}: the default row of {blind[0]} has no {', '.join(cards.REQUIRED[variant])}; fill it in"
                )
            return variant, chosen
    raise tables.TableError(
        f"{folder}: no column is an input of a model, so there is nothing to tell workloads apart by; add counters ({PAPER[0]}, "
        f"{PAPER[1]} ...) or power_limit_w (power_w or energy_j / time_s gives the rest) to each workload's default row"
    )


def train_variant(variant, names, train, validate, test, *, suite=None, held_out=None, out, family, gpus, source, notice):
    """Trains, judges and writes one variant."""
    kinds = [kind for kind in models.KINDS if kind[1] == "sm" or any(job.on("mem").sum() > 1 for job in train)]

    def fit(train, validate):
        return {kind: models.fit(train, validate, names, COUNTERS, *kind) for kind in kinds}

    boosters = fit(train, validate)
    metrics = {}

    def report(label, forecaster, jobs, memory=True):
        found = judge.judge(forecaster, jobs, memory)
        metrics.update({f"{label}.{name}": value for name, value in found.items()})
        print(
            f"{family}/{variant} {label}: time {found['time_error_median']:.2%} energy {found['energy_error_median']:.2%} "
            f"lost {found['lost_points_median']:.2f} points, over the limit {found['over_limit_share']:.0%}", flush=True,
        )
        return found

    def on(jobs, boosters=boosters, inputs=None):
        return judge.by_models(boosters, names, jobs, models.inputs_of(jobs, names) if inputs is None else inputs)

    ours = report("test", on(test), test)
    rng = np.random.default_rng(7)
    clean = models.inputs_of(test, names)
    noisy = models.disturbed(clean, names, COUNTERS, rng, telemetry=0.0, dropped=0.0)
    missing = models.disturbed(clean, names, COUNTERS, rng, noise=0.0, telemetry=0.0, dropped=0.2)
    if set(names) & COUNTERS:
        report("test_counters_10pct_noise", on(test, inputs=noisy), test)
    report("test_fifth_of_inputs_missing", on(test, inputs=missing), test)
    if suite:
        report("paper71", on(suite), suite)
    if held_out:
        known = [job for job in train if job.family != held_out], [job for job in validate if job.family != held_out]
        unseen = [job for job in test if job.family == held_out]
        if unseen and all(known):
            report(f"family_{held_out}_held_out", on(unseen, boosters=fit(*known)), unseen)
    mean = report("mean_curve", judge.by_mean_curve(train, test), test)
    report("two_clocks", judge.by_two_clocks(test), test, memory=False)
    report("default", judge.by_default(test), test)
    for target in ("time", "energy"):
        if ours[f"{target}_error_median"] >= mean[f"{target}_error_median"]:
            warn(f"{family}/{variant}: {target} is predicted no better than by the mean curve; do not use this set")
    inputs = models.inputs_of(test, names)
    errors = {kind: judge.expected_error(boosters[kind], names, test, inputs, *kind) for kind in kinds}
    cards.write(
        out, family=family, gpus=gpus, variant=variant, names=names, boosters=boosters, errors=errors, train=train,
        inputs=known_inputs(), source=source, notice=notice, metrics=metrics,
    )
    print(f"{out}: {sum(path.stat().st_size for path in out.iterdir()) / 1024:.0f} KiB", flush=True)


def warn(text):
    """To standard error, and on."""
    print(f"train.py: warning: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
