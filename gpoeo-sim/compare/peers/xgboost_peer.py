"""XGBoost's own C library, called in place on one thread: answers the lines that `gpoeo-compare` writes.

`load PATH`: a model. `sweep`, `row`: one pass over all rows, answered with the microseconds of each of them, all gears in one
call or one row in a call. `sweep bits`, `row bits`: the margins in hexadecimal. What Python adds to a call is about a microsecond."""

import ctypes
import json
import sys
import time

import numpy as np
import xgboost as xgb

lib = xgb.core._LIB
rows = np.fromfile(sys.argv[1], "<f4").reshape(-1, int(sys.argv[3]))
gears = np.fromfile(sys.argv[2], "<f4")
config = json.dumps(
    {
        "type": 1,  # margins
        "training": False,
        "iteration_begin": 0,
        "iteration_end": 0,
        "strict_shape": False,
        "cache_id": 0,
        "missing": float("nan"),
    }
).encode()
shape, result = ctypes.POINTER(ctypes.c_uint64)(), ctypes.POINTER(ctypes.c_float)()
dimensions = ctypes.c_uint64()


def interface(array):
    return json.dumps(
        {"data": [array.ctypes.data, True], "shape": list(array.shape), "typestr": "<f4", "version": 3}
    ).encode()


def predict(handle, array):
    status = lib.XGBoosterPredictFromDense(
        handle, array, config, None, ctypes.byref(shape), ctypes.byref(dimensions), ctypes.byref(result)
    )
    assert status == 0, lib.XGBGetLastError()


swept = []
for row in rows:
    copies = np.repeat(row[None], len(gears), 0)
    copies[:, 0] = gears
    swept.append(np.ascontiguousarray(copies))
single = [np.ascontiguousarray(row[None]) for row in rows]
kinds = {"sweep": [interface(a) for a in swept], "row": [interface(a) for a in single]}
booster = None
for line in sys.stdin:
    words = line.split()
    if words[0] == "load":
        booster = xgb.Booster({"nthread": 1})
        booster.load_model(line.split(maxsplit=1)[1].strip())
        booster.set_param({"nthread": 1})
        print("loaded", flush=True)
        continue
    arrays = kinds[words[0]]
    if len(words) > 1:
        margins = []
        for array in arrays:
            predict(booster.handle, array)
            count = len(gears) if words[0] == "sweep" else 1
            margins.append(np.ctypeslib.as_array(result, (count,)).copy())
        print(np.concatenate(margins).astype(">f4").tobytes().hex(), flush=True)
        continue
    times = []
    for array in arrays:
        start = time.perf_counter()
        predict(booster.handle, array)
        times.append(f"{(time.perf_counter() - start) * 1e6:.3f}")
    print(*times, flush=True)
