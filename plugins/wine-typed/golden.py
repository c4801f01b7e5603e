"""Writes golden.jsonl: the scores of the committed weights (plugins/weights/wine-linear.f32), computed by numpy in 32 bits and in the
order of the columns.

    python3 -m venv v && v/bin/pip install numpy && v/bin/python plugins/wine-typed/golden.py
"""

import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
FIELDS = ["fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide",
          "total sulfur dioxide", "density", "pH", "sulphates", "alcohol"]
WINES = [
    [7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4],
    [11.2, 0.28, 0.56, 1.9, 0.075, 17.0, 60.0, 0.998, 3.16, 0.58, 9.8],
    [7.9, 0.35, 0.46, 3.6, 0.078, 15.0, 37.0, 0.9973, 3.35, 0.86, 12.8],
    [4.6, 1.58, 0.0, 15.5, 0.611, 72.0, 289.0, 1.0037, 4.01, 2.0, 14.9],
    [0.0] * 11,
]

intercept, *weights = np.fromfile(HERE / "../weights/wine-linear.f32", dtype="<f4")
assert len(weights) == len(FIELDS)


def quality(wine):
    score = intercept
    for value, weight in zip(np.array(wine, dtype=np.float32), weights):
        score = np.float32(score + np.float32(value * weight))
    return score.item()


with open(HERE / "golden.jsonl", "w") as golden:
    for wine in WINES:
        case = {"record": dict(zip(FIELDS, wine)), "outputs": {"quality": quality(wine)}}
        golden.write(json.dumps(case) + "\n")
    for lacking in ["alcohol", "fixed acidity", "pH"]:
        record = {field: value for field, value in zip(FIELDS, WINES[0]) if field != lacking}
        golden.write(json.dumps({"record": record, "rejected": f"{lacking} is missing"}) + "\n")
