"""Axes and words that several pages of this chapter share."""

from profunda.lab.pictures import Axis
from profunda.lab.words import Words

__all__ = ["BETA", "DEPTH", "DRIFT", "META", "NTK_SECTION", "WIDTH"]

WIDTH = Axis(Words("width H (units a layer)", "largura H (unidades por camada)"), log=True)
DEPTH = Axis(Words("hidden layer", "camada oculta"))
BETA = Axis(Words("depth ÷ width, β = L/H", "profundidade ÷ largura, β = L/H"), log=True)
DRIFT = Axis(Words("kernel drift ‖ΔΘ‖ ÷ ‖Θ₀‖", "mudança do núcleo ‖ΔΘ‖ ÷ ‖Θ₀‖"), log=True)
META = Words(
    "“Teoria de Deep Learning”, section 13, meta-theorem on width and depth",
    "“Teoria de Deep Learning”, seção 13, meta-teorema sobre largura e profundidade",
)
NTK_SECTION = Words(
    "“Teoria de Deep Learning”, section 12, the NTK regime",
    "“Teoria de Deep Learning”, seção 12, o regime NTK",
)
