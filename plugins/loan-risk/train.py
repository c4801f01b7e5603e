"""Trains the model of this guest with scikit-learn on made-up loans, and writes src/fitted.rs and golden.jsonl. What the goldens
expect is what scikit-learn's own pipeline predicts.

    python3 -m venv v && v/bin/pip install scikit-learn==1.9.1 pandas==3.1.1 && v/bin/python plugins/loan-risk/train.py && (cd plugins && cargo fmt)
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import FeatureHasher
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, MinMaxScaler, OneHotEncoder, StandardScaler

HERE = Path(__file__).parent
PURPOSES = ["car", "holiday", "house", "study"]
EMPLOYERS = ["Acme Ltd", "City Council", "Nordwind", "Société Générale", "self-employed", None]
GRADES, EDGES = ["A", "B", "C", "D", "E"], [0.05, 0.1, 0.2, 0.4]


def loans(n, seed):
    draw = np.random.default_rng(seed)
    table = pd.DataFrame({
        "age": draw.integers(18, 80, n).astype(float),
        "income": np.round(draw.lognormal(8, 0.4, n), 2),
        "amount": np.round(draw.uniform(500, 40000, n), 2),
        "purpose": draw.choice(PURPOSES, n),
        "years employed": np.where(draw.random(n) < 0.2, np.nan, np.round(draw.exponential(6, n), 1)),
        "dependants": draw.integers(0, 5, n),
        "employer": draw.choice(np.array(EMPLOYERS, dtype=object), n),
    })
    z = -2 + table["amount"] / 15000 - table["income"] / 2500 + 0.3 * table["dependants"] + 0.8 * (table["purpose"] == "holiday")
    z += 0.6 * (table["age"] < 28) - 0.08 * table["years employed"].fillna(3)
    return table, draw.random(n) < 1 / (1 + np.exp(-z))


def hashed(column):
    names = [[] if pd.isna(name) else [f"employer={name}"] for name in column["employer"]]
    return FeatureHasher(n_features=8, input_type="string").transform(names).toarray()


def fit():
    table, defaulted = loans(4000, 1)
    # The bounds of amounts are the lender's, not the sample's.
    scale = MinMaxScaler().fit(pd.DataFrame({"amount": [500.0, 50000.0]}))
    columns = ColumnTransformer([
        ("income", StandardScaler(), ["income"]),
        ("amount", FunctionTransformer(scale.transform), ["amount"]),
        ("age", KBinsDiscretizer(5, encode="onehot-dense", strategy="quantile", quantile_method="averaged_inverted_cdf"), ["age"]),
        ("purpose", OneHotEncoder(categories=[PURPOSES], sparse_output=False), ["purpose"]),
        ("employed", SimpleImputer(add_indicator=True), ["years employed"]),
        ("dependants", "passthrough", ["dependants"]),
        ("employer", FunctionTransformer(hashed), ["employer"]),
    ])
    model = Pipeline([("columns", columns), ("model", LogisticRegression(C=1.0, max_iter=5000))])
    return model.fit(table, defaulted)


def fitted(model):
    step = model.named_steps["columns"].named_transformers_
    weights = iter(model.named_steps["model"].coef_[0].tolist())
    take = lambda n: [next(weights) for _ in range(n)]
    lines = ["//! What `train.py` fitted; written by it.", ""]

    def const(what, name, value):
        kind = f"[f64; {len(value)}]" if isinstance(value, list) else "f64"
        lines.append(f"/// {what}")
        lines.append(f"pub(crate) const {name}: {kind} = {value!r};")

    const("Mean and deviation of the income.", "INCOME", [step["income"].mean_[0].item(), step["income"].scale_[0].item()])
    const("Edges of the buckets of age.", "AGE_EDGES", step["age"].bin_edges_[0][1:-1].tolist())
    const("Taken for the years employed where they are missing.", "YEARS", step["employed"].statistics_[0].item())
    const("Log-odds of a loan whose features are all 0.", "INTERCEPT", model.named_steps["model"].intercept_[0].item())
    const("Per deviation of income.", "BY_INCOME", take(1)[0])
    const("From the lowest amount to the highest.", "BY_AMOUNT", take(1)[0])
    const("By bucket of age.", "BY_AGE", take(5))
    const("By purpose.", "BY_PURPOSE", take(4))
    const("Per year employed.", "BY_YEARS", take(1)[0])
    const("If the years are missing.", "BY_YEARS_MISSING", take(1)[0])
    const("Per dependant.", "BY_DEPENDANTS", take(1)[0])
    const("By hashed employer.", "BY_EMPLOYER", take(8))
    assert next(weights, None) is None
    return "\n".join(lines) + "\n"


def record(row):
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
    return {name: value for name, value in plain.items() if value is not None and value == value}


def golden(model):
    table, _ = loans(12, 2)
    # An employer the sample does not have, both ends of what is lent, an age that is an edge, no years, the best and the worst.
    edge = model.named_steps["columns"].named_transformers_["age"].bin_edges_[0][1]
    table.loc[0, ["employer", "amount"]] = ["Łódź Textiles", 500.0]
    table.loc[1, ["age", "amount"]] = [edge, 50000.0]
    table.loc[2, "years employed"] = np.nan
    table.loc[6, ["income", "amount", "years employed"]] = [9000.0, 1000.0, 20.0]
    table.loc[7, ["income", "amount", "years employed"]] = [900.0, 50000.0, np.nan]
    for row, probability in zip(table.to_dict("records"), model.predict_proba(table)[:, 1]):
        grade = GRADES[int(np.digitize(probability, EDGES))]
        yield {"record": record(row), "outputs": {"probability of default": probability.item(), "grade": grade}}
    good = record(table.loc[3].to_dict())
    for change, reason in [
        ({"age": 17}, "age is 17, outside of 18 to 100"),
        ({"amount": 499.5}, "amount is 499.5, outside of 500 to 50000"),
        ({"income": -1}, "income is -1, outside of 0 to"),
        ({"dependants": 31}, "dependants is 31, outside of 0 to 30"),
        ({"purpose": "yacht"}, 'purpose is "yacht", which is none of car, holiday, house, study'),
        ({"purpose": None}, "purpose is missing"),
        ({"income": None}, "income is missing"),
    ]:
        changed = {**good, **change}
        yield {"record": {name: value for name, value in changed.items() if value is not None}, "rejected": reason}


trained = fit()
(HERE / "src/fitted.rs").write_text(fitted(trained))
(HERE / "golden.jsonl").write_text("".join(json.dumps(case, ensure_ascii=False) + "\n" for case in golden(trained)))
