"""Adds up what was ordered on each day."""

import csv
import sys
from collections import defaultdict


def totals(lines):
    by_day = defaultdict(float)
    for row in csv.DictReader(lines):
        by_day[row["day"]] += int(row["count"]) * float(row["price"])
    return dict(by_day)


if __name__ == "__main__":
    for day, total in sorted(totals(sys.stdin).items()):
        print(f"{day}\t{total:.2f}")
