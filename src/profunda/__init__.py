"""Profunda trains fleets of regularised networks together and hands back the best one, scored honestly.

The public names below are resolved at first use (PEP 562): importing this package loads none of
torch, scikit-learn, pandas, Optuna or Plotly. Types that a user names often stand here too;
what they hold is documented where they are defined.
"""

from typing import TYPE_CHECKING

from profunda._lazy import lazily
from profunda._version import __version__

if TYPE_CHECKING:  # the same table for editors and type checkers; a test compares the two
    from profunda.data.dataset import Dataset as Dataset
    from profunda.data.reading import read as read
    from profunda.diagnosis.diagnosing import diagnose as diagnose
    from profunda.diagnosis.diagnosis import Diagnosis as Diagnosis
    from profunda.diagnosis.invariance import invariance as invariance
    from profunda.diagnosis.label_breaking import label_breaking as label_breaking
    from profunda.diagnosis.mending import repair as repair
    from profunda.diagnosis.repairs import Repair as Repair
    from profunda.diagnosis.watching import watch as watch
    from profunda.errors import ArgumentError as ArgumentError
    from profunda.errors import DataError as DataError
    from profunda.errors import ModelError as ModelError
    from profunda.errors import Notice as Notice
    from profunda.errors import ProfundaError as ProfundaError
    from profunda.errors import RunError as RunError
    from profunda.errors import SpaceError as SpaceError
    from profunda.estimator.classifier import DeepClassifier as DeepClassifier
    from profunda.estimator.regressor import DeepRegressor as DeepRegressor
    from profunda.exporting.module import export as export
    from profunda.exporting.writing import export_file as export_file
    from profunda.fleet.plan import plan as plan
    from profunda.forecasting.forecast import forecast as forecast
    from profunda.forecasting.values import Forecast as Forecast
    from profunda.job.fitting import fit as fit
    from profunda.job.fitting import resume as resume
    from profunda.model.model import Model as Model
    from profunda.model.saving import load as load
    from profunda.reporting.cards.making import card as card
    from profunda.reporting.reports import report as report
    from profunda.space.design import Design as Design
    from profunda.space.domain import Choice as Choice
    from profunda.space.domain import Float as Float
    from profunda.space.domain import Int as Int
    from profunda.space.domain import LogFloat as LogFloat
    from profunda.space.guidance import guidance as guidance
    from profunda.space.space import Space as Space
    from profunda.space.space import When as When
    from profunda.training.modules import train_modules as train_modules
    from profunda.training.running import train as train
    from profunda.tuning.ablation import ablate as ablate
    from profunda.tuning.dosage import dose as dose
    from profunda.tuning.objective import search as search
    from profunda.tuning.relations import relations as relations
    from profunda.tuning.robustness import stress as stress

_HOMES = {
    "ArgumentError": "profunda.errors",
    "Choice": "profunda.space.domain",
    "DataError": "profunda.errors",
    "Dataset": "profunda.data.dataset",
    "DeepClassifier": "profunda.estimator.classifier",
    "DeepRegressor": "profunda.estimator.regressor",
    "Design": "profunda.space.design",
    "Diagnosis": "profunda.diagnosis.diagnosis",
    "Float": "profunda.space.domain",
    "Forecast": "profunda.forecasting.values",
    "Int": "profunda.space.domain",
    "LogFloat": "profunda.space.domain",
    "Model": "profunda.model.model",
    "ModelError": "profunda.errors",
    "Notice": "profunda.errors",
    "ProfundaError": "profunda.errors",
    "Repair": "profunda.diagnosis.repairs",
    "RunError": "profunda.errors",
    "Space": "profunda.space.space",
    "SpaceError": "profunda.errors",
    "When": "profunda.space.space",
    "ablate": "profunda.tuning.ablation",
    "card": "profunda.reporting.cards.making",
    "diagnose": "profunda.diagnosis.diagnosing",
    "dose": "profunda.tuning.dosage",
    "export": "profunda.exporting.module",
    "export_file": "profunda.exporting.writing",
    "fit": "profunda.job.fitting",
    "forecast": "profunda.forecasting.forecast",
    "guidance": "profunda.space.guidance",
    "invariance": "profunda.diagnosis.invariance",
    "label_breaking": "profunda.diagnosis.label_breaking",
    "load": "profunda.model.saving",
    "plan": "profunda.fleet.plan",
    "read": "profunda.data.reading",
    "relations": "profunda.tuning.relations",
    "repair": "profunda.diagnosis.mending",
    "report": "profunda.reporting.reports",
    "resume": "profunda.job.fitting",
    "search": "profunda.tuning.objective",
    "stress": "profunda.tuning.robustness",
    "train": "profunda.training.running",
    "train_modules": "profunda.training.modules",
    "watch": "profunda.diagnosis.watching",
}

__all__ = [
    "ArgumentError",
    "Choice",
    "DataError",
    "Dataset",
    "DeepClassifier",
    "DeepRegressor",
    "Design",
    "Diagnosis",
    "Float",
    "Forecast",
    "Int",
    "LogFloat",
    "Model",
    "ModelError",
    "Notice",
    "ProfundaError",
    "Repair",
    "RunError",
    "Space",
    "SpaceError",
    "When",
    "__version__",
    "ablate",
    "card",
    "diagnose",
    "dose",
    "export",
    "export_file",
    "fit",
    "forecast",
    "guidance",
    "invariance",
    "label_breaking",
    "load",
    "plan",
    "read",
    "relations",
    "repair",
    "report",
    "resume",
    "search",
    "stress",
    "train",
    "train_modules",
    "watch",
]

__getattr__, __dir__ = lazily(__name__, _HOMES)
