"""Texts as a linear rival reads them: weighted counts of words and pairs of words."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from profunda.data.dataset import Dataset
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.table import Kind
from profunda.data.tokens import UNKNOWN
from profunda.job.task_inputs import tasks_apart

__all__ = ["WordWeights"]


class WordWeights:
    """TF-IDF of words and of pairs that stand together, fitted on some rows, beside the other inputs.

    Weights (1 + log count)·(1 + log((1 + n)/(1 + n_term))), a text's to length 1 (Salton and Buckley 1988,
    "Term-weighting approaches in automatic text retrieval").
    """

    def __init__(self, dataset: Dataset, rows: np.ndarray) -> None:
        schema = dataset.schema
        place = next(n for n, feature in enumerate(schema.features) if feature.kind is Kind.TEXT)
        start = schema.starts[place]
        self._words = slice(start, start + schema.features[place].size)
        self._scaling = fit_preprocessing(dataset.codes, dataset.y, rows, schema, "robust", dataset.task)
        tokens = self._scaling.inputs.tokens
        assert tokens is not None
        self._beside = [n for n in range(self._scaling.D) if n not in tokens.places]
        self._weights = TfidfVectorizer(analyzer=_terms, sublinear_tf=True)
        self._weights.fit(self._texts(dataset.codes[rows]))

    def transform(self, codes: np.ndarray) -> sparse.csr_matrix:
        """The weights [N, terms] and the other inputs of codes [N, F]."""
        found = self._weights.transform(self._texts(codes))
        if not self._beside:
            return found
        inputs = self._scaling.transform(codes)[:, self._beside]  # words stand last: the task is where it was
        beside = sparse.csr_matrix(tasks_apart(inputs, self._scaling.inputs))
        return sparse.csr_matrix(sparse.hstack([found, beside]))

    def _texts(self, codes: np.ndarray) -> Iterator[list[int]]:
        for row in codes[:, self._words].astype(np.int64):
            yield row[row > 0].tolist()


def _terms(words: list[int]) -> list[str]:
    """Known words and the pairs they stand in, by their numbers."""
    known = [str(word) for word in words if word != UNKNOWN]
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    return known + pairs
