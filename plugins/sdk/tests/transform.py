"""Prints the expected values of transform.rs, as scikit-learn computes them.

    python3 -m venv v && v/bin/pip install scikit-learn==1.9.1 && v/bin/python transform.py
"""

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder, StandardScaler, normalize
from sklearn.utils import murmurhash3_32

TEXTS = ["The café_1 is  OPEN, d'été: a x 42!", "ab\tab \u001c cd", "", "ΟΔΟΣ Straße", "no no no"]


def column(values):
    return np.array(values, dtype=float).reshape(-1, 1)


def show(name, value):
    print(f"{name}: {value}")


fit = column([1, 2, 4, 8.5])
standard, minmax = StandardScaler().fit(fit), MinMaxScaler().fit(fit)
show("standard", (standard.mean_[0], standard.scale_[0], standard.transform(column([-3, 0, 4, 100])).ravel().tolist()))
show("constant", StandardScaler().fit(column([3, 3])).transform(column([3, 5])).ravel().tolist())
show("min max", minmax.transform(column([-3, 1, 4, 100])).ravel().tolist())
show("clipped", MinMaxScaler(clip=True).fit(fit).transform(column([-3, 1, 4, 100])).ravel().tolist())
show("constant", MinMaxScaler().fit(column([3, 3])).transform(column([3, 5])).ravel().tolist())
show("unit length", normalize([[3.0, -4.0, 0.0], [0.0, 0.0, 0.0]]).tolist())

hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit([["car"], ["house"], ["study"]])
show("one hot", hot.transform([["house"], ["boat"]]).tolist())

bins = KBinsDiscretizer(n_bins=4, encode="ordinal", strategy="uniform").fit(column([0, 100]))
probe = [-1e9, 0, 24.999, 25, 74.9, 75, 1e9]
show("buckets", (bins.bin_edges_[0][1:-1].tolist(), bins.transform(column(probe)).ravel().tolist()))
show("digitize", np.digitize(probe, [25, 50, 75]).tolist())

for text, seed in [("", 0), ("", 1), ("a", 0), ("ab", 0), ("abc", 0), ("abcd", 0), ("purpose=car", 0), ("été", 7), ("x" * 33, 0xFFFFFFFF)]:
    show("murmur3", (text, seed, int(murmurhash3_32(text, seed, positive=True))))
names = {"age": 2.5, "purpose=car": 1.0, "zip": -1.0, "kids": 4.0, "pets": 8.0}
show("hashed", FeatureHasher(n_features=6).transform([names]).toarray()[0].tolist())

for analyzer, lengths in [("word", (1, 2)), ("char", (2, 3))]:
    for text in TEXTS:
        grams = CountVectorizer(analyzer=analyzer, ngram_range=lengths).build_analyzer()(text)
        show(f"{analyzer} {lengths}", (text, grams))
hashed = HashingVectorizer(ngram_range=(1, 2), n_features=8).transform(TEXTS[:1]).toarray()[0].tolist()
show("hashed words, of unit length", hashed)
