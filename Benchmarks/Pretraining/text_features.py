#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Text features without a sentence encoder: latent semantic analysis (TF-IDF, then a truncated SVD) of the items' own words.

    .venv-pretraining/bin/pip install scikit-learn numpy
    .venv-pretraining/bin/python Benchmarks/Pretraining/text_features.py DATA OUT.npy

DATA is what `illmrec data prepare` wrote. An item's words are its title, its category three times, and its description. OUT.npy has a row
[256] for each item, of norm 16, so that an element deviates by about 1; give it to `illmrec train --features text=OUT.npy`.
"""
import json
import pathlib
import sys

import numpy
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

WIDTH = 256
NORM = 16


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data, out = sys.argv[1:]
    items = json.loads((pathlib.Path(data) / "meta_info.json").read_text())
    fields = [items[str(index)] for index in range(len(items))]
    texts = [" . ".join([item["title"], 3 * (item["category"] + " "), item["description"]]) for item in fields]
    counts = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2), stop_words="english").fit_transform(texts)
    rows = TruncatedSVD(WIDTH, random_state=0).fit_transform(counts)
    norms = numpy.linalg.norm(rows, axis=1, keepdims=True)
    numpy.save(out, (NORM * rows / numpy.maximum(norms, 1e-9)).astype(numpy.float32))
    print(f"{len(rows)} items of {WIDTH} numbers; {int((norms == 0).sum())} without a word that another item has")


if __name__ == "__main__":
    main()
