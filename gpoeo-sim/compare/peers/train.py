"""Makes the models and rows that inference is compared on: `python train.py DIR`. Fixed seeds, one thread: the same files
each time. Relative times of made-up workloads: feature 0 is the clock ratio, the other 17 stand for counters, some missing."""

import pathlib
import sys

import numpy as np
import xgboost as xgb

FEATURES, GEARS, ROWS = 18, 128, 32
SIZES = [(100, 4), (300, 6), (500, 6), (500, 8)]
WORKLOADS, SETTINGS = 400, 40

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(1)
counters = rng.random((WORKLOADS, FEATURES - 1))
compute = counters[:, :5] @ rng.random(5) / 3 + 0.05
memory = counters[:, 5:9] @ rng.random(4) / 2
knee = counters[:, 9] * 0.5 + counters[:, 10] * counters[:, 11]
inputs, targets = [], []
for w in range(WORKLOADS):
    clock = rng.uniform(0.3, 1, SETTINGS)
    time = compute[w] / clock + memory[w] + np.maximum(0, knee[w] - clock) * 0.5
    time += 0.05 * np.sin(5 * clock * counters[w, 12]) * counters[w, 13]
    x = np.empty((SETTINGS, FEATURES))
    x[:, 0] = clock
    x[:, 1:] = counters[w] + rng.normal(0, 0.01, (SETTINGS, FEATURES - 1))
    inputs.append(x)
    targets.append(time / (compute[w] + memory[w] + 0.1) + rng.normal(0, 0.02, SETTINGS))
x = np.vstack(inputs).astype("f4")
x[rng.random(x.shape) < 0.02] = np.nan
data = xgb.DMatrix(x, label=np.concatenate(targets).astype("f4"))

rows = rng.random((ROWS, FEATURES)).astype("<f4")
rows[rng.random(rows.shape) < 0.02] = np.nan
rows.tofile(out / "rows.f32")
np.linspace(0.3, 1, GEARS).astype("<f4").tofile(out / "gears.f32")
for trees, depth in SIZES:
    parameters = {"max_depth": depth, "eta": 0.1, "colsample_bynode": 0.8, "subsample": 0.8, "seed": 1, "nthread": 1}
    model = xgb.train(parameters, data, trees)
    # Written last, and whole or not at all: its presence says that it need not be made again.
    part = out / f"part.{trees}x{depth}.ubj"
    model.save_model(part)
    part.rename(out / f"{trees}x{depth}.ubj")
