"""Judging a network of language leaves each of its parts in the mode that it had."""

import numpy as np
import pytest
import torch

from profunda.errors import ArgumentError
from profunda.networks.named.awd_lstm import AWDLSTM
from profunda.networks.named.language import reading_loss, stream
from profunda.networks.named.show_and_tell import PictureEncoder, ShowAndTell, describe


def test_describing_leaves_a_frozen_encoder_frozen() -> None:
    encoder = PictureEncoder(1, 1)
    model = ShowAndTell(encoder, encoder.features, 5, embedding=3, hidden=4).train()
    encoder.eval()
    describe(model, torch.rand(1, 1, 8, 8), width=1, longest=1)
    assert not any(part.training for part in encoder.modules())
    assert (model.training, model.lstm.training) == (True, True)


def test_reading_leaves_parts_as_they_were_also_where_it_fails() -> None:
    model = AWDLSTM(7, embedding=3, hidden=4, layers=2)
    model.words.eval()
    before = [part.training for part in model.modules()]
    reading_loss(model, stream(np.arange(40) % 7, 2))
    assert [part.training for part in model.modules()] == before
    with pytest.raises(ArgumentError, match="ids go from 0 to 8, but the table has 7 rows"):
        reading_loss(model, stream(np.arange(40) % 9, 2))
    assert [part.training for part in model.modules()] == before
