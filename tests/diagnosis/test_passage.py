"""What a loop does between the network and its loss is read off, and judged as part of the network."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from profunda.diagnosis.copying import copy_of
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.passage import PLAIN, Handed, Passage, Passings, passage_of
from profunda.diagnosis.watching import watch


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Reading --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "way", "expected"),
    [
        ((8, 3), lambda z: z, Passage()),
        ((8, 3), lambda z: z.softmax(1), Passage(bend="softmax")),
        ((8, 3), lambda z: z.log_softmax(-1), Passage(bend="log_softmax")),
        ((8, 3, 5), lambda z: z.softmax(1), Passage(bend="softmax over axis 1")),
        ((8, 1), lambda z: z.squeeze(1), Passage(row=())),
        ((8, 1), lambda z: torch.sigmoid(z)[:, 0], Passage(choice="", row=(), bend="sigmoid")),
        ((8, 4, 3), lambda z: z[:, -1], Passage(choice="last place")),
        ((8, 4, 3), lambda z: z.transpose(1, 2), Passage(choice="swapped")),
        ((8, 4, 3), lambda z: z.reshape(-1, 3), Passage(merged=True)),
        ((8, 4, 3), lambda z: z.softmax(-1).view(-1, 3), Passage(bend="softmax", merged=True)),
        ((8, 4), lambda z: z.flatten(), Passage(merged=True)),
        ((8, 1, 4, 4), lambda z: z.flatten(1), Passage(row=(16,))),
    ],
)
def test_what_is_done_is_read_off_numbers(
    shape: tuple[int, ...], way: Callable[[Tensor], Tensor], expected: Passage
) -> None:
    made = numbers(*shape)
    assert passage_of([made], way(made)) == expected
    again = expected(nn.Identity(), (), made)
    wanted = way(made)
    assert torch.allclose(again.reshape(wanted.shape), wanted, atol=1e-6)


def test_other_units_are_read_off_and_what_fits_nothing_is_not() -> None:
    made = numbers(16, 2)
    found = passage_of([made], 3.0 * made - 2.0)
    assert found is not None
    assert abs(found.factor - 3.0) < 1e-4
    assert abs(found.offset + 2.0) < 1e-4
    assert passage_of([made], made.sin()) is None
    assert passage_of([made, made.cos()], made.cos()) == Passage(part=1, picked=True)


def test_units_are_the_same_whatever_the_batch() -> None:
    seen = Passings()
    for seed in range(2):
        made = numbers(32, 1, seed=seed)
        seen.left([made])
        seen.lost(made * 5.0 + 20.0, None)
    assert seen.passage() == Passage(factor=5.0, offset=20.0)


def test_passings_keep_two_pairs_and_agree_or_say_nothing() -> None:
    one = Passings()
    assert one.passage() == PLAIN
    for seed in range(5):
        made = numbers(8, 3, seed=seed)
        one.left([made])
        one.lost(made.softmax(1), torch.zeros(8))
    assert len(one.pairs) == 2
    assert one.passage() == Passage(bend="softmax")
    other = Passings()
    for seed, way in enumerate((torch.sigmoid, torch.tanh)):
        made = numbers(8, 3, seed=seed)
        other.left([made])
        other.lost(way(made), None)
    assert other.passage() is None


def test_of_two_passes_before_a_loss_the_one_that_it_was_given_counts() -> None:
    seen, first, second = Passings(), numbers(8, 3), numbers(8, 3, seed=1)
    seen.left([first])
    seen.left([second])
    seen.lost(first, second)
    assert seen.passage() == PLAIN


def test_a_passage_on_a_copy_goes_with_its_copies_and_the_users_hooks_do_not() -> None:
    net = nn.Linear(3, 2)
    net.register_forward_hook(lambda module, inputs, outputs: outputs * 0.0)
    own = copy_of(net)
    own.register_forward_hook(Passage(bend="softmax"))
    x = numbers(4, 3)
    expected = functional.linear(x, net.weight, net.bias).softmax(-1)
    assert torch.allclose(copy_of(copy_of(own))(x), expected)


def test_targets_of_the_data_are_brought_into_the_form_that_the_loss_is_given() -> None:
    places = Handed(functional.cross_entropy, True, (), torch.int64)
    logits, words = numbers(4, 5, 3), torch.arange(20).reshape(4, 5) % 3
    expected = functional.cross_entropy(logits.flatten(0, 1), words.flatten())
    assert torch.equal(places(logits, words), expected)
    shares = Handed(nn.CrossEntropyLoss(), False, (3,), torch.float32)
    assert torch.allclose(
        shares(logits[:, 0], words[:, 0]), functional.cross_entropy(logits[:, 0], words[:, 0])
    )
    column = Handed(functional.mse_loss, False, (1,), torch.float32)
    assert float(column(torch.ones(4, 1), torch.ones(4, dtype=torch.int64))) == 0.0
    assert places.__name__ == "cross_entropy"
    assert shares.__name__ == "CrossEntropyLoss"


# Judged ---------------------------------------------------------------------------------------------


def looped(
    net: nn.Module, loss_fn: Callable, data: tuple[Tensor, Tensor], give: Callable, steps: int = 60
) -> Diagnosis:
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    with watch(net, optimizer, loss_fn, data=data) as w:
        for step in range(steps):
            rows = torch.arange(32) + 32 * (step % (len(data[0]) // 32))
            optimizer.zero_grad()
            w.loss(*give(net(data[0][rows]), data[1][rows])).backward()
            optimizer.step()
    return w.diagnosis()


def tagged() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    words = torch.randint(5, (128, 6), generator=torch.Generator().manual_seed(0))
    return nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, 5)), (words, (words + 1) % 5)


def sided() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    x = numbers(256, 4)
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1)), (x, (x[:, 0] > 0).long())


@pytest.mark.parametrize(
    ("made", "loss_fn", "give"),
    [
        (tagged, functional.cross_entropy, lambda z, t: (z.softmax(-1).view(-1, 5), t.view(-1))),
        (sided, functional.binary_cross_entropy_with_logits, lambda z, t: (z.sigmoid()[:, 0], t.float())),
    ],
)
def test_probabilities_made_in_the_loop_are_bent_twice(made, loss_fn, give) -> None:
    net, data = made()
    found = looped(net, loss_fn, data, give)
    assert [one.code for one in found.findings] == ["output-activation-twice"]
    assert found.findings[0].step == 0


@pytest.mark.parametrize(
    ("made", "loss_fn", "give"),
    [
        (tagged, functional.cross_entropy, lambda z, t: (z.view(-1, 5), t.view(-1))),
        (tagged, functional.cross_entropy, lambda z, t: (z.transpose(1, 2), t)),
        (sided, functional.binary_cross_entropy, lambda z, t: (z.sigmoid().squeeze(1), t.float())),
        (sided, functional.mse_loss, lambda z, t: (z.view(-1), 2.0 * t)),
    ],
)
def test_what_a_sound_loop_does_with_outputs_is_no_mistake_of_the_network(made, loss_fn, give) -> None:
    net, data = made()
    before = {name: len(part._forward_hooks) for name, part in net.named_modules()}
    found = looped(net, loss_fn, data, give)
    codes = {one.code for one in found.findings}
    assert not codes & {
        "output-activation-missing",
        "output-activation-twice",
        "loss-broadcasts",
        "output-width",
    }
    assert found.record.loss is not None
    assert not found.record.loss.why
    assert found.record.surveys[-1].train_loss < found.record.surveys[0].train_loss
    assert before == {name: len(part._forward_hooks) for name, part in net.named_modules()}


class Two(nn.Module):
    """Two outputs: the last one of a layer of its own, or what the first is made of."""

    def __init__(self, apart: bool) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(4, 8), nn.Linear(8, 1)
        self.other = nn.Linear(8, 3) if apart else nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inner = self.body(x).tanh()
        return self.head(inner), self.other(inner)


@pytest.mark.parametrize("apart", [False, True])
def test_of_several_outputs_one_is_judged_where_it_is_made_with_all_parts(apart: bool) -> None:
    data = sided()[1]
    torch.manual_seed(0)
    give = lambda z, t: (z[0].sigmoid()[:, 0], t.float())  # noqa: E731
    found = looped(Two(apart), functional.binary_cross_entropy, data, give)
    assert not {one.area for one in found.findings} & {"loss", "output"}
    assert ("part-unused" in {one.code for one in found.findings}) is apart
    assert found.record.loss is not None
    assert (found.record.loss.kind == "bce") is not apart


def test_where_it_cannot_be_read_nothing_is_said_of_the_loss() -> None:
    net, data = sided()
    found = looped(
        net, functional.binary_cross_entropy, data, lambda z, t: ((z[:, 0].sin() + 1.0) / 2, 1.0 * t)
    )
    assert found.record.loss is not None
    assert "could not be read off" in found.record.loss.why
    assert not {one.area for one in found.findings} & {"loss", "output"}


def test_one_layer_and_a_sigmoid_of_the_loop_fit_a_loss_of_probabilities() -> None:
    data = sided()[1]
    net = nn.Linear(4, 1)
    give = lambda z, t: (z.sigmoid().squeeze(1), t.float())  # noqa: E731
    found = looped(net, functional.binary_cross_entropy, data, give)
    assert not {one.area for one in found.findings} & {"loss", "output"}
