"""Trains the model of this guest with scikit-learn on made-up tickets, and writes weights.f32 and golden.jsonl. What the goldens
expect is what scikit-learn's own pipeline predicts, with the weights rounded to 32 bits as the guest has them.

    python3 -m venv v && v/bin/pip install scikit-learn==1.9.1 && v/bin/python plugins/ticket-router/train.py
"""

import json
from pathlib import Path

import numpy as np
from scipy.sparse import hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).parent
QUEUES = {
    "access": ["cannot log in", "password reset link expired", "locked out of my account", "two-factor code never arrives"],
    "billing": ["invoice charged twice", "refund for last month", "VAT number is wrong on the invoice", "card was declined"],
    "outage": ["site is down", "error 503 on every page", "API timeouts since this morning", "dashboard does not load"],
    "sales": ["quote for 50 seats", "upgrade to the annual plan", "is there a discount for schools", "demo for our team"],
}
OPENINGS = ["Hello,", "Hi team -", "URGENT!", "Good morning.", "Please help:", ""]
ENDINGS = ["Thanks", "Regards, Zoë", "sent from my phone", "?!", "It worked yesterday.", ""]

SUBJECT = HashingVectorizer(ngram_range=(1, 2), n_features=256)
BODY = HashingVectorizer(analyzer="char", ngram_range=(3, 4), n_features=256)


def tickets(n, seed):
    draw = np.random.default_rng(seed)
    names = list(QUEUES)
    for _ in range(n):
        queue = names[draw.integers(len(names))]
        subject, detail = draw.choice(QUEUES[queue], 2)
        # People are brief.
        words = subject.split()
        subject = " ".join(word for word in words if draw.random() < 0.7) or words[0]
        body = f"{draw.choice(OPENINGS)} {detail}  {draw.choice(ENDINGS)}" if draw.random() < 0.8 else None
        yield queue, {"subject": subject.capitalize(), "body": body}


def beginning(text, bytes_max):
    return (text or "").encode()[:bytes_max].decode(errors="ignore")


def features(records):
    subjects = SUBJECT.transform([beginning(record["subject"], 128) for record in records])
    return hstack([subjects, BODY.transform([beginning(record.get("body"), 512) for record in records])]).tocsr()


def fit():
    queues, records = zip(*tickets(1500, 1))
    model = LogisticRegression(C=10.0, max_iter=5000).fit(features(records), queues)
    model.coef_ = model.coef_.astype(np.float32).astype(float)
    model.intercept_ = model.intercept_.astype(np.float32).astype(float)
    assert list(model.classes_) == list(QUEUES)
    return model


def golden(model):
    records = [record for _, record in tickets(10, 2)]
    records += [
        {"subject": "Größe der Rechnung", "body": "Die  Rechnung\tist FALSCH — überprüfen?"},
        {"subject": "refund", "body": ""},
        {"subject": "ΑΔΥΝΑΤΗ Η ΕΙΣΟΔΟΣ ΣΤΟΝ ΛΟΓΑΡΙΑΣΜΟ", "body": "ΟΔΟΣ"},
        {"subject": "2 errors at 3 am", "body": "503 " * 40},
        {"subject": "log in " * 30, "body": "x" + "Störung " * 100},
    ]
    for record, probabilities in zip(records, model.predict_proba(features(records))):
        queue = model.classes_[probabilities.argmax()]
        outputs = {"queue": str(queue), "probabilities": probabilities.tolist()}
        yield {"record": {name: value for name, value in record.items() if value is not None}, "outputs": outputs}
    yield {"record": {"body": "the printer is on fire"}, "rejected": "subject is missing"}
    yield {"record": {"subject": "?! a 1", "body": "help"}, "rejected": "subject has no word"}


trained = fit()
# Column by column, the weights of all queues; then the intercepts.
np.vstack([trained.coef_.T, trained.intercept_]).astype("<f4").tofile(HERE / "weights.f32")
(HERE / "golden.jsonl").write_text("".join(json.dumps(case, ensure_ascii=False) + "\n" for case in golden(trained)))
