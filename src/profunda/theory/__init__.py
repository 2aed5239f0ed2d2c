"""Formulas on plain numbers and arrays, each with its source; this room knows no fleet and no torch.

`gains` are variances of first weights, `widths` what the widths of a network say before training;
`activations`, `quadrature`, `roots` and `propagation` are the mean-field maps of signals and gradients,
`critical` the variances at which both keep their size; `linear` solves ridge, lasso and elastic net,
`shrinkage` compares early stopping with ridge, and `scales` says what a penalty's strength means beside which
loss.
"""

from typing import TYPE_CHECKING

from profunda._lazy import lazily

if TYPE_CHECKING:  # the same table for editors and type checkers; a test compares the two
    from profunda.theory.activations import Nonlinearity as Nonlinearity
    from profunda.theory.activations import nonlinearity as nonlinearity
    from profunda.theory.chains import Chain as Chain
    from profunda.theory.chains import Link as Link
    from profunda.theory.chains import Unread as Unread
    from profunda.theory.chains import chain_of as chain_of
    from profunda.theory.critical import Critical as Critical
    from profunda.theory.critical import critical_initialisation as critical_initialisation
    from profunda.theory.critical import has_critical as has_critical
    from profunda.theory.ensembles import Ensemble as Ensemble
    from profunda.theory.ensembles import Estimate as Estimate
    from profunda.theory.ensembles import random_networks as random_networks
    from profunda.theory.ensembles import relative_variance as relative_variance
    from profunda.theory.finite_width import VertexProfile as VertexProfile
    from profunda.theory.finite_width import dead_layer_probability as dead_layer_probability
    from profunda.theory.finite_width import input_gradient_fluctuation as input_gradient_fluctuation
    from profunda.theory.finite_width import log_gradient_mean as log_gradient_mean
    from profunda.theory.finite_width import log_gradient_variance as log_gradient_variance
    from profunda.theory.finite_width import log_norm_mean as log_norm_mean
    from profunda.theory.finite_width import log_norm_variance as log_norm_variance
    from profunda.theory.finite_width import moments_can_be_sampled as moments_can_be_sampled
    from profunda.theory.finite_width import ntk_diagonal_limit as ntk_diagonal_limit
    from profunda.theory.finite_width import ntk_diagonal_mean as ntk_diagonal_mean
    from profunda.theory.finite_width import ntk_diagonal_variance as ntk_diagonal_variance
    from profunda.theory.finite_width import (
        ntk_diagonal_variance_uncoupled as ntk_diagonal_variance_uncoupled,
    )
    from profunda.theory.finite_width import vertex_profile as vertex_profile
    from profunda.theory.gains import orthogonal_gain as orthogonal_gain
    from profunda.theory.gains import torch_bound as torch_bound
    from profunda.theory.gains import weight_variance as weight_variance
    from profunda.theory.linear import LinearFit as LinearFit
    from profunda.theory.linear import condition_number as condition_number
    from profunda.theory.linear import elastic_net as elastic_net
    from profunda.theory.linear import lambda_max as lambda_max
    from profunda.theory.linear import lasso as lasso
    from profunda.theory.linear import noise_as_ridge as noise_as_ridge
    from profunda.theory.linear import orthogonal_solution as orthogonal_solution
    from profunda.theory.linear import ridge as ridge
    from profunda.theory.linear import soft_threshold as soft_threshold
    from profunda.theory.propagation import DepthScales as DepthScales
    from profunda.theory.propagation import chi_par as chi_par
    from profunda.theory.propagation import chi_perp as chi_perp
    from profunda.theory.propagation import correlation_map as correlation_map
    from profunda.theory.propagation import correlation_profile as correlation_profile
    from profunda.theory.propagation import depth_scales as depth_scales
    from profunda.theory.propagation import fixed_correlation as fixed_correlation
    from profunda.theory.propagation import fixed_variance as fixed_variance
    from profunda.theory.propagation import gradient_profile as gradient_profile
    from profunda.theory.propagation import variance_map as variance_map
    from profunda.theory.propagation import variance_profile as variance_profile
    from profunda.theory.quadrature import normal_mean as normal_mean
    from profunda.theory.scales import LossScale as LossScale
    from profunda.theory.scales import strength_for as strength_for
    from profunda.theory.shrinkage import descent_path as descent_path
    from profunda.theory.shrinkage import equivalent_ridge as equivalent_ridge
    from profunda.theory.widths import beta as beta
    from profunda.theory.widths import relu_fluctuation as relu_fluctuation

_HOMES = {
    "Chain": "profunda.theory.chains",
    "Critical": "profunda.theory.critical",
    "DepthScales": "profunda.theory.propagation",
    "Ensemble": "profunda.theory.ensembles",
    "Estimate": "profunda.theory.ensembles",
    "LinearFit": "profunda.theory.linear",
    "Link": "profunda.theory.chains",
    "LossScale": "profunda.theory.scales",
    "Nonlinearity": "profunda.theory.activations",
    "Unread": "profunda.theory.chains",
    "VertexProfile": "profunda.theory.finite_width",
    "beta": "profunda.theory.widths",
    "chain_of": "profunda.theory.chains",
    "chi_par": "profunda.theory.propagation",
    "chi_perp": "profunda.theory.propagation",
    "condition_number": "profunda.theory.linear",
    "correlation_map": "profunda.theory.propagation",
    "correlation_profile": "profunda.theory.propagation",
    "critical_initialisation": "profunda.theory.critical",
    "dead_layer_probability": "profunda.theory.finite_width",
    "depth_scales": "profunda.theory.propagation",
    "descent_path": "profunda.theory.shrinkage",
    "elastic_net": "profunda.theory.linear",
    "equivalent_ridge": "profunda.theory.shrinkage",
    "fixed_correlation": "profunda.theory.propagation",
    "fixed_variance": "profunda.theory.propagation",
    "gradient_profile": "profunda.theory.propagation",
    "has_critical": "profunda.theory.critical",
    "input_gradient_fluctuation": "profunda.theory.finite_width",
    "lambda_max": "profunda.theory.linear",
    "lasso": "profunda.theory.linear",
    "log_gradient_mean": "profunda.theory.finite_width",
    "log_gradient_variance": "profunda.theory.finite_width",
    "log_norm_mean": "profunda.theory.finite_width",
    "log_norm_variance": "profunda.theory.finite_width",
    "moments_can_be_sampled": "profunda.theory.finite_width",
    "noise_as_ridge": "profunda.theory.linear",
    "nonlinearity": "profunda.theory.activations",
    "normal_mean": "profunda.theory.quadrature",
    "ntk_diagonal_limit": "profunda.theory.finite_width",
    "ntk_diagonal_mean": "profunda.theory.finite_width",
    "ntk_diagonal_variance": "profunda.theory.finite_width",
    "ntk_diagonal_variance_uncoupled": "profunda.theory.finite_width",
    "orthogonal_gain": "profunda.theory.gains",
    "orthogonal_solution": "profunda.theory.linear",
    "random_networks": "profunda.theory.ensembles",
    "relative_variance": "profunda.theory.ensembles",
    "relu_fluctuation": "profunda.theory.widths",
    "ridge": "profunda.theory.linear",
    "soft_threshold": "profunda.theory.linear",
    "strength_for": "profunda.theory.scales",
    "torch_bound": "profunda.theory.gains",
    "variance_map": "profunda.theory.propagation",
    "variance_profile": "profunda.theory.propagation",
    "vertex_profile": "profunda.theory.finite_width",
    "weight_variance": "profunda.theory.gains",
}

__all__ = [
    "Chain",
    "Critical",
    "DepthScales",
    "Ensemble",
    "Estimate",
    "LinearFit",
    "Link",
    "LossScale",
    "Nonlinearity",
    "Unread",
    "VertexProfile",
    "beta",
    "chain_of",
    "chi_par",
    "chi_perp",
    "condition_number",
    "correlation_map",
    "correlation_profile",
    "critical_initialisation",
    "dead_layer_probability",
    "depth_scales",
    "descent_path",
    "elastic_net",
    "equivalent_ridge",
    "fixed_correlation",
    "fixed_variance",
    "gradient_profile",
    "has_critical",
    "input_gradient_fluctuation",
    "lambda_max",
    "lasso",
    "log_gradient_mean",
    "log_gradient_variance",
    "log_norm_mean",
    "log_norm_variance",
    "moments_can_be_sampled",
    "noise_as_ridge",
    "nonlinearity",
    "normal_mean",
    "ntk_diagonal_limit",
    "ntk_diagonal_mean",
    "ntk_diagonal_variance",
    "ntk_diagonal_variance_uncoupled",
    "orthogonal_gain",
    "orthogonal_solution",
    "random_networks",
    "relative_variance",
    "relu_fluctuation",
    "ridge",
    "soft_threshold",
    "strength_for",
    "torch_bound",
    "variance_map",
    "variance_profile",
    "vertex_profile",
    "weight_variance",
]

__getattr__, __dir__ = lazily(__name__, _HOMES)
