"""How large objects look in training and in a test, where training crops at random and a test does not.

Source: Touvron, Vedaldi, Douze and Jégou (2019), "Fixing the train-test resolution discrepancy", section 3.
What is as wide as the image is K/σ pixels wide once a crop of σ² of its area is resized to K pixels, and R
pixels wide where the whole image is resized to R: it looks σR/K times as large in the test.
"""

from profunda.errors import ArgumentError

__all__ = ["apparent_size_ratio", "mean_crop_side"]


def mean_crop_side(scale: tuple[float, float] = (0.08, 1.0)) -> float:
    """E[σ] = ⅔(b^1.5 − a^1.5)/(b − a) for crops of σ² ~ U(a, b) of the area.

    Raises ArgumentError unless 0 < a ≤ b ≤ 1.

    >>> round(mean_crop_side(), 4)
    0.7082
    """
    low, high = scale
    if not 0.0 < low <= high <= 1.0:
        raise ArgumentError(f"scale {scale} is no range of shares of an area: 0 < low ≤ high ≤ 1.")
    if high - low < 1e-6 * high:  # the limit of the quotient, which rounding would spoil
        return ((low + high) / 2) ** 0.5
    return 2.0 / 3.0 * (high**1.5 - low**1.5) / (high - low)


def apparent_size_ratio(train: int, test: int, scale: tuple[float, float] = (0.08, 1.0)) -> float:
    """How much larger objects look in the test than in training, in the mean: E[σ]·test/train.

    `train` is the side in pixels to which random crops are resized, `test` the one to which the whole test
    image is, before any crop from its centre. Raises ArgumentError for sides below 1 and a bad `scale`.

    The usual recipe, 224 in training and 256 before the test's crop:

    >>> round(apparent_size_ratio(224, 256), 4)
    0.8094
    """
    if train < 1 or test < 1:
        raise ArgumentError(f"train = {train} and test = {test} pixels: give at least 1 of either.")
    return mean_crop_side(scale) * test / train
