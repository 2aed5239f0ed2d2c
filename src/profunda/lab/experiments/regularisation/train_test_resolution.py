"""FixEfficientNet's effect on small pictures: more pixels in the test, and the head fitted to them."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import profunda
from profunda.lab.experiment import Experiment, Outcome, Verdict
from profunda.lab.pictures import Axis, Mark, Plot, Role, series
from profunda.lab.words import Words, said
from profunda.layers import RandomResizedCrop, crop_boxes, onecycle, resized_crops
from profunda.networks import ResNet, ResNetSize, last_norm, train_only
from profunda.theory import apparent_size_ratio, mean_crop_side

_TRAIN, _WANTED, _SIZES = 14, 20, (14, 20, 26)
_CROPS = (0.08, 1.0)


@dataclass(frozen=True)
class _Pictures:
    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor


def judged(larger: tuple[float, float], fitted: tuple[float, float]) -> Verdict:
    """From 95 % intervals of two gains: of more pixels in the test, and of fitting the head to them."""
    if larger[0] > 0.0 and fitted[0] > 0.0:
        return "holds"
    return "holds with conditions" if max(larger[0], fitted[0]) > 0.0 else "wrong"


def measure(quick: bool) -> Outcome:
    """Small ResNets trained at 14 pixels, on crops and on whole pictures, tested at 14, 20 and 26."""
    data, seeds, epochs = _pictures(), 1 if quick else 2, 3 if quick else 6
    right = {}
    for crops in (True, False):
        told = np.stack([_told(data, crops, epochs, seed) for seed in range(seeds)]).mean(0)
        right |= {(crops, False): told[0], (crops, True): told[1]}
    at, train = _SIZES.index(_WANTED), _SIZES.index(_TRAIN)
    larger = _interval(right[True, False][at] - right[True, False][train])
    fixed = _interval(right[True, True][at] - right[True, False][at])
    both = float((right[True, True][at] - right[True, True][train]).mean())
    loss = {
        crops: float((right[crops, False][train] - right[crops, False][at]).mean()) for crops in (True, False)
    }
    side = crop_boxes(torch.rand(20_000, 4, generator=torch.Generator().manual_seed(0)), 28, 28)
    return Outcome(
        headline=said("accuracy at {0} − at {1} pixels", "acurácia a {0} − a {1} pixels", _WANTED, _TRAIN),
        predicted=None,
        value=larger[0],
        interval=larger[1:],
        measured=said(
            "The side of a crop is {0} of the picture's in the mean (theory {1}). Tests at {2} instead of "
            "{3} pixels gain {4} points after training on crops; fitting the head to {2} pixels adds {5}. "
            "Without crops the test at {2} pixels loses {6} points, with crops {7}. With the head fitted to "
            "either, {2} pixels are {8} points above {3}.",
            "O lado de um recorte é, em média, {0} do da imagem (teoria {1}). Testes a {2} em vez de {3} "
            "pixels ganham {4} pontos após treino com recortes; ajustar a cabeça a {2} pixels soma {5}. Sem "
            "recortes o teste a {2} pixels perde {6} pontos, com recortes {7}. Com a cabeça ajustada a "
            "ambos, {2} pixels ficam {8} pontos acima de {3}.",
            float((side[:, 2] * side[:, 3]).sqrt().mean()) / 28, mean_crop_side(_CROPS), _WANTED, _TRAIN,
            100 * larger[0], 100 * fixed[0], 100 * loss[False], 100 * loss[True], 100 * both,
        ),
        verdict=judged(larger[1:], fixed[1:]),
        statement=_statement(larger[1:], fixed[1:]),
        pictures=(_picture({key: rows.mean(1) for key, rows in right.items()}),),
    )  # fmt: skip


def _pictures() -> _Pictures:
    """The bundled pictures of clothes, [N, 1, 28, 28]."""
    data = profunda.read("bundled:fashion")
    test = np.zeros(data.n_rows, bool)
    test[data.test_rows] = True
    x = torch.from_numpy(data.codes.astype(np.float32)).reshape(-1, 1, 28, 28)
    x = (x - x.mean()) / x.std()
    y = torch.from_numpy(np.asarray(data.y).astype(np.int64))
    rows = torch.from_numpy(test)
    return _Pictures(x[~rows], y[~rows], x[rows], y[rows])


def _told(data: _Pictures, crops: bool, epochs: int, seed: int) -> np.ndarray:
    """Which test pictures one network tells right, [as it is and with its head fitted, sizes, pictures]."""
    torch.manual_seed(seed)
    network = ResNet(ResNetSize((1, 1), 8), n_classes=10, in_channels=1, small_images=True)
    crop = RandomResizedCrop(_TRAIN, _CROPS if crops else (1.0, 1.0))
    _train(network.train(), data, crop, epochs, seed)
    plain, fitted = [], []
    for size in _SIZES:
        plain.append(_right(network, data, size))
        copy = deepcopy(network)
        train_only(copy, last_norm(copy), copy.classifier)
        _train(copy, data, RandomResizedCrop(size, (1.0, 1.0)), 2, seed)
        fitted.append(_right(copy, data, size))
    return np.array([plain, fitted])


def _train(network: ResNet, data: _Pictures, crop: RandomResizedCrop, epochs: int, seed: int) -> None:
    """Minimise the log-loss over what needs a gradient, in the modes that the caller has set."""
    random = torch.Generator().manual_seed(seed)
    given = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser, steps, done = torch.optim.AdamW(given, 5e-3), epochs * -(-len(data.x) // 64), 0
    for _ in range(epochs):
        for rows in torch.randperm(len(data.x), generator=random).split(64):
            optimiser.param_groups[0]["lr"] = 5e-3 * float(onecycle(done / steps))
            optimiser.zero_grad()
            functional.cross_entropy(network(crop(data.x[rows], random)), data.y[rows]).backward()
            optimiser.step()
            done += 1


@torch.no_grad()
def _right(network: ResNet, data: _Pictures, size: int) -> np.ndarray:
    """Which test pictures are told right at `size` pixels, 0 or 1."""
    whole = torch.tensor([[0.0, 0.0, 28.0, 28.0]]).expand(len(data.x_test), 4)
    logits = network.eval()(resized_crops(data.x_test, whole, size))
    return (logits.argmax(1) == data.y_test).double().numpy()


def _interval(gains: np.ndarray) -> tuple[float, float, float]:
    """Mean over the test pictures with 1.96 of its standard errors on either side."""
    mean, half = float(gains.mean()), 1.96 * float(gains.std(ddof=1)) / len(gains) ** 0.5
    return mean, mean - half, mean + half


def _statement(larger: tuple[float, float], fitted: tuple[float, float]) -> Words:
    """What the two intervals allow one to say."""
    if larger[0] > 0.0 and fitted[0] > 0.0:
        return Words(
            "After training on crops, more pixels in the test than in training help, and fitting the head to "
            "them helps more.",
            "Após treino com recortes, mais pixels no teste que no treino ajudam, e ajustar a cabeça a eles "
            "ajuda mais.",
        )
    if fitted[0] > 0.0:
        return Words(
            "Half of it is seen here: fitting the head to the pixels of the test helps beyond doubt. More "
            "pixels alone do not, on networks and pictures as small as these: a fitted head gives back what "
            "the change of pixels takes.",
            "Vê-se aqui a metade: ajustar a cabeça aos pixels do teste ajuda claramente. Só mais pixels não "
            "ajudam, em redes e imagens tão pequenas: a cabeça ajustada devolve o que a mudança de pixels "
            "tira.",
        )
    if larger[0] > 0.0:
        return Words(
            "More pixels in the test help here, but fitting the head to them adds nothing beyond doubt.",
            "Mais pixels no teste ajudam aqui, mas ajustar a cabeça a eles nada soma claramente.",
        )
    return Words(
        "Neither helps on pictures as small as these.", "Nenhum dos dois ajuda em imagens tão pequenas."
    )


def _picture(accuracy: dict[tuple[bool, bool], np.ndarray]) -> Plot:
    names: dict[tuple[bool, bool], tuple[Words, Role]] = {
        (True, False): (Words("crops", "recortes"), "measured"),
        (True, True): (Words("crops, head fitted", "recortes, cabeça ajustada"), "good"),
        (False, False): (Words("whole pictures", "imagens inteiras"), "second"),
        (False, True): (Words("whole, head fitted", "inteiras, cabeça ajustada"), "bad"),
    }
    same = _TRAIN / apparent_size_ratio(_TRAIN, _TRAIN, _CROPS)
    return Plot(
        Words("Accuracy by pixels of the test", "Acurácia por pixels do teste"),
        said("Trained at {0} pixels, on random crops or on whole pictures.",
             "Treinadas a {0} pixels, com recortes aleatórios ou imagens inteiras.", _TRAIN),
        Axis(Words("pixels of a side in the test", "pixels de um lado no teste")),
        Axis(Words("accuracy", "acurácia")),
        tuple(series(name, _SIZES, accuracy[key], role, "both") for key, (name, role) in names.items()),
        marks=(Mark(Words("as large as in crops", "do tamanho dos recortes"), x=same),),
    )  # fmt: skip


EXPERIMENT = Experiment(
    title=Words("Pixels of training and test", "Pixels de treino e de teste"),
    claim=Words(
        "A network trained on random crops at few pixels does better when tested at more, and best once its "
        "last layers are fitted to them (FixEfficientNet).",
        "Uma rede treinada com recortes aleatórios a poucos pixels vai melhor se testada a mais, e melhor "
        "ainda com as últimas camadas ajustadas a eles (FixEfficientNet).",
    ),
    source=Words("“IA353A – Neural Networks EC2”, 10.2; Touvron et al. (2019, 2020)",
                 "“IA353A – Neural Networks EC2”, 10.2; Touvron et al. (2019, 2020)"),
    prediction=Words(
        "Crops of 8 to 100 % of the area have a mean side of 0.708, so that objects look 1/0.708 times as "
        "large in training: tests at 14/0.708 = 20 pixels show them as large, and are better by the theory.",
        "Recortes de 8 a 100 % da área têm lado médio 0,708, logo os objetos parecem 1/0,708 vezes maiores "
        "no treino: testes a 14/0,708 = 20 pixels os mostram do mesmo tamanho e, pela teoria, são melhores.",
    ),
    measure=measure,
    rows=("P3",),
)  # fmt: skip
