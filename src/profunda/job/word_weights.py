"""Texts as a linear rival reads them: weighted counts of words and pairs of words, or of letters in a row."""

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

    Of texts that are read by the byte: of one, two and three letters in a row. Weights (1 + log count)·(1 +
    log((1 + n)/(1 + n_term))), a text's to length 1 (Salton and Buckley 1988, "Term-weighting approaches in
    automatic text retrieval").

    A dataset holds no more of a text than networks read. `unread` says in words what that leaves out; it is
    "" where all texts are read to their ends.
    """

    def __init__(self, dataset: Dataset, rows: np.ndarray) -> None:
        schema = dataset.schema
        place = next(n for n, feature in enumerate(schema.features) if feature.kind is Kind.TEXT)
        start, self._text = schema.starts[place], schema.features[place]
        self._words = slice(start, start + self._text.size)
        self.unread = self._unread(dataset)
        self._scaling = fit_preprocessing(dataset.codes, dataset.y, rows, schema, "robust", dataset.task)
        tokens = self._scaling.inputs.tokens
        assert tokens is not None
        self._beside = [n for n in range(self._scaling.D) if n not in tokens.places]
        self._weights = (
            TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
            if self._text.format == "bytes"
            else TfidfVectorizer(analyzer=_terms, sublinear_tf=True)
        )
        self._weights.fit(self._texts(dataset.codes[rows]))

    def transform(self, codes: np.ndarray) -> sparse.csr_matrix:
        """The weights [N, terms] and the other inputs of codes [N, F]."""
        found = self._weights.transform(self._texts(codes))
        if not self._beside:
            return found
        inputs = self._scaling.transform(codes)[:, self._beside]  # words stand last: the task is where it was
        beside = sparse.csr_matrix(tasks_apart(inputs, self._scaling.inputs))
        return sparse.csr_matrix(sparse.hstack([found, beside]))

    def _texts(self, codes: np.ndarray) -> Iterator[str] | Iterator[list[int]]:
        words = codes[:, self._words].astype(np.int64)
        if self._text.format == "bytes":
            return iter(self._text.tokenizer.decode(words))
        return (row[row > 0].tolist() for row in words)

    def _unread(self, dataset: Dataset) -> str:
        if all(notice.code != "texts-cut" for notice in dataset.notices):
            return ""
        full = 100 * float((dataset.codes[:, self._words.stop - 1] > 0).mean())
        return (
            f"reads as much of a text as the networks do, the first {self._text.size} "
            f"{self._text.format or 'words'}; {full:.0f} % are as long or longer"
        )


def _terms(words: list[int]) -> list[str]:
    """Known words and the pairs they stand in, by their numbers."""
    known = [str(word) for word in words if word != UNKNOWN]
    pairs = [f"{a} {b}" for a, b in pairwise(words)]
    return known + pairs
