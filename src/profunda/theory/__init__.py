"""Formulas on plain numbers and arrays, each with its source; this room knows no fleet.

`gains` are variances of first weights, `widths` what the widths of a network say before training;
`activations`, `quadrature`, `roots` and `propagation` are the mean-field maps of signals and gradients,
`critical` the variances at which both keep their size, `finite_width` how far networks of finite widths stray
from that, and `ensembles` thousands of them, drawn and measured; `linear` solves ridge, lasso and elastic
net, `shrinkage` compares early stopping with ridge, and `scales` says what a penalty's strength means beside
which loss.

What data promise: `bounds` (VC), `complexity` (effective), `smoothers`, `bias_variance`, `ridge_path` and
`polynomials`, `double_descent` by size and by epoch, `pooling` of two tasks; `normalisation` of a batch.

What a module at hand does: `chains` read it as dense layers, `tangents` are its tangent kernel, `jacobians`
say which predictions it can reach and why not all, `certificates` how far that holds, `cosines` whether rows
pull together; `products` and `spectra` do without matrices that are too large to hold.

What networks can express: `gates` multiply two numbers, `product_trees` many; `sawtooth` folds a line,
`regions` counts linear pieces; `counting` sets inputs beside parameters, and measures how simple data are.
"""

from typing import TYPE_CHECKING

from profunda._lazy import lazily

if TYPE_CHECKING:  # the same table for editors and type checkers; a test compares the two
    from profunda.theory.activations import Nonlinearity as Nonlinearity
    from profunda.theory.activations import nonlinearity as nonlinearity
    from profunda.theory.arithmetic import MultiplierSizes as MultiplierSizes
    from profunda.theory.arithmetic import array_multiplier as array_multiplier
    from profunda.theory.arithmetic import from_bits as from_bits
    from profunda.theory.arithmetic import full_adder as full_adder
    from profunda.theory.arithmetic import half_adder as half_adder
    from profunda.theory.arithmetic import multiplier_sizes as multiplier_sizes
    from profunda.theory.arithmetic import ripple_adder as ripple_adder
    from profunda.theory.arithmetic import to_bits as to_bits
    from profunda.theory.bias_variance import BasisProblem as BasisProblem
    from profunda.theory.bias_variance import Decomposition as Decomposition
    from profunda.theory.bias_variance import basis_problem as basis_problem
    from profunda.theory.bias_variance import decompose as decompose
    from profunda.theory.bias_variance import gaussian_basis as gaussian_basis
    from profunda.theory.bounds import VCBound as VCBound
    from profunda.theory.bounds import dense_vc_dimension as dense_vc_dimension
    from profunda.theory.bounds import growth_bound as growth_bound
    from profunda.theory.bounds import sauer_sum as sauer_sum
    from profunda.theory.bounds import vc_bound as vc_bound
    from profunda.theory.bounds import vc_sample_size as vc_sample_size
    from profunda.theory.chains import Chain as Chain
    from profunda.theory.chains import Link as Link
    from profunda.theory.chains import Unread as Unread
    from profunda.theory.chains import chain_of as chain_of
    from profunda.theory.circuits import Circuit as Circuit
    from profunda.theory.circuits import CircuitBuilder as CircuitBuilder
    from profunda.theory.circuits import Gate as Gate
    from profunda.theory.circuits import circuit_network as circuit_network
    from profunda.theory.circuits import network_units as network_units
    from profunda.theory.circuits import truth_rows as truth_rows
    from profunda.theory.complexity import EffectiveComplexity as EffectiveComplexity
    from profunda.theory.complexity import effective_complexity as effective_complexity
    from profunda.theory.counting import InputCount as InputCount
    from profunda.theory.counting import IntrinsicDimension as IntrinsicDimension
    from profunda.theory.counting import OrderShare as OrderShare
    from profunda.theory.counting import compression_ratio as compression_ratio
    from profunda.theory.counting import count_inputs as count_inputs
    from profunda.theory.counting import decimal_digits as decimal_digits
    from profunda.theory.counting import intrinsic_dimension as intrinsic_dimension
    from profunda.theory.counting import monomials as monomials
    from profunda.theory.counting import polynomial_order_fit as polynomial_order_fit
    from profunda.theory.critical import Critical as Critical
    from profunda.theory.critical import critical_initialisation as critical_initialisation
    from profunda.theory.critical import has_critical as has_critical
    from profunda.theory.derivatives import Pointwise as Pointwise
    from profunda.theory.derivatives import Smooth as Smooth
    from profunda.theory.derivatives import bending_point as bending_point
    from profunda.theory.derivatives import derivative as derivative
    from profunda.theory.double_descent import EpochCurve as EpochCurve
    from profunda.theory.double_descent import FeatureSweep as FeatureSweep
    from profunda.theory.double_descent import TwoScales as TwoScales
    from profunda.theory.double_descent import descent_risk as descent_risk
    from profunda.theory.double_descent import isotropic_draws as isotropic_draws
    from profunda.theory.double_descent import isotropic_risk as isotropic_risk
    from profunda.theory.double_descent import noise_amplification as noise_amplification
    from profunda.theory.double_descent import random_feature_sweep as random_feature_sweep
    from profunda.theory.duals import Duals as Duals
    from profunda.theory.duals import dual_means as dual_means
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
    from profunda.theory.gates import ProductGate as ProductGate
    from profunda.theory.gates import ReluLimit as ReluLimit
    from profunda.theory.gates import gate_within as gate_within
    from profunda.theory.gates import multiplication_gate as multiplication_gate
    from profunda.theory.gates import relu_limit as relu_limit
    from profunda.theory.gates import richardson_gate as richardson_gate
    from profunda.theory.kernels import KernelCondition as KernelCondition
    from profunda.theory.kernels import Kernels as Kernels
    from profunda.theory.kernels import LayerKernels as LayerKernels
    from profunda.theory.kernels import Parametrisation as Parametrisation
    from profunda.theory.kernels import dense_kernels as dense_kernels
    from profunda.theory.kernels import kernel_condition as kernel_condition
    from profunda.theory.kernels import kernel_regression as kernel_regression
    from profunda.theory.kernels import largest_stable_step as largest_stable_step
    from profunda.theory.kernels import lazy_time as lazy_time
    from profunda.theory.landscapes import LineSlice as LineSlice
    from profunda.theory.landscapes import PlaneSlice as PlaneSlice
    from profunda.theory.landscapes import Surface as Surface
    from profunda.theory.landscapes import filter_direction as filter_direction
    from profunda.theory.landscapes import grid_minima as grid_minima
    from profunda.theory.landscapes import landscape as landscape
    from profunda.theory.landscapes import line_slice as line_slice
    from profunda.theory.landscapes import losses_at as losses_at
    from profunda.theory.landscapes import marked_points as marked_points
    from profunda.theory.landscapes import outputs_at as outputs_at
    from profunda.theory.landscapes import parameter_vector as parameter_vector
    from profunda.theory.landscapes import plane_slice as plane_slice
    from profunda.theory.landscapes import printed_landscape as printed_landscape
    from profunda.theory.landscapes import regular_landscape as regular_landscape
    from profunda.theory.landscapes import regular_minima as regular_minima
    from profunda.theory.linear import LinearFit as LinearFit
    from profunda.theory.linear import condition_number as condition_number
    from profunda.theory.linear import elastic_net as elastic_net
    from profunda.theory.linear import lambda_max as lambda_max
    from profunda.theory.linear import lasso as lasso
    from profunda.theory.linear import noise_as_ridge as noise_as_ridge
    from profunda.theory.linear import orthogonal_solution as orthogonal_solution
    from profunda.theory.linear import ridge as ridge
    from profunda.theory.linear import soft_threshold as soft_threshold
    from profunda.theory.linearised import LazyNumber as LazyNumber
    from profunda.theory.linearised import Linearised as Linearised
    from profunda.theory.linearised import LinearPrediction as LinearPrediction
    from profunda.theory.linearised import kernel_drift as kernel_drift
    from profunda.theory.linearised import lazy_number as lazy_number
    from profunda.theory.linearised import linear_descent as linear_descent
    from profunda.theory.linearised import linear_flow as linear_flow
    from profunda.theory.linearised import linearisation_distance as linearisation_distance
    from profunda.theory.normalisation import BatchNormGrowth as BatchNormGrowth
    from profunda.theory.normalisation import BatchNormStep as BatchNormStep
    from profunda.theory.normalisation import batch_norm_growth as batch_norm_growth
    from profunda.theory.normalisation import batch_norm_growth_limit as batch_norm_growth_limit
    from profunda.theory.normalisation import batch_norm_step as batch_norm_step
    from profunda.theory.parity import ParitySizes as ParitySizes
    from profunda.theory.parity import parity_flat as parity_flat
    from profunda.theory.parity import parity_sizes as parity_sizes
    from profunda.theory.parity import parity_table as parity_table
    from profunda.theory.parity import parity_tree as parity_tree
    from profunda.theory.polynomials import CoefficientTable as CoefficientTable
    from profunda.theory.polynomials import PolynomialFit as PolynomialFit
    from profunda.theory.polynomials import coefficient_table as coefficient_table
    from profunda.theory.polynomials import expected_rms as expected_rms
    from profunda.theory.polynomials import fit_polynomial as fit_polynomial
    from profunda.theory.polynomials import matching_strengths as matching_strengths
    from profunda.theory.polynomials import powers as powers
    from profunda.theory.polynomials import printed_coefficients as printed_coefficients
    from profunda.theory.polynomials import refit_rms as refit_rms
    from profunda.theory.polynomials import rounding_reach as rounding_reach
    from profunda.theory.polynomials import ten_points as ten_points
    from profunda.theory.pooling import SharingRisk as SharingRisk
    from profunda.theory.pooling import TwoTasks as TwoTasks
    from profunda.theory.product_trees import ProductError as ProductError
    from profunda.theory.product_trees import ProductNetwork as ProductNetwork
    from profunda.theory.product_trees import best_product as best_product
    from profunda.theory.product_trees import flat_product as flat_product
    from profunda.theory.product_trees import product_errors as product_errors
    from profunda.theory.product_trees import product_tree as product_tree
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
    from profunda.theory.regions import Pieces as Pieces
    from profunda.theory.regions import linear_pieces as linear_pieces
    from profunda.theory.regions import most_pieces_on_a_line as most_pieces_on_a_line
    from profunda.theory.regions import most_regions as most_regions
    from profunda.theory.regions import random_pieces as random_pieces
    from profunda.theory.regions import regions_within_reach as regions_within_reach
    from profunda.theory.ridge_path import RidgePath as RidgePath
    from profunda.theory.ridge_path import cross_validated_ridge as cross_validated_ridge
    from profunda.theory.sawtooth import flat_sawtooth as flat_sawtooth
    from profunda.theory.sawtooth import sawtooth_crossings as sawtooth_crossings
    from profunda.theory.sawtooth import sawtooth_network as sawtooth_network
    from profunda.theory.sawtooth import sawtooth_pieces as sawtooth_pieces
    from profunda.theory.sawtooth import sawtooth_value as sawtooth_value
    from profunda.theory.sawtooth import tent as tent
    from profunda.theory.scales import LossScale as LossScale
    from profunda.theory.scales import strength_for as strength_for
    from profunda.theory.shrinkage import descent_path as descent_path
    from profunda.theory.shrinkage import equivalent_ridge as equivalent_ridge
    from profunda.theory.smoothers import SmootherRisk as SmootherRisk
    from profunda.theory.smoothers import degrees_of_freedom as degrees_of_freedom
    from profunda.theory.smoothers import leave_one_out_error as leave_one_out_error
    from profunda.theory.smoothers import optimism as optimism
    from profunda.theory.smoothers import ridge_smoother as ridge_smoother
    from profunda.theory.smoothers import smoother_risk as smoother_risk
    from profunda.theory.smoothers import training_risk as training_risk
    from profunda.theory.trajectories import PrincipalPath as PrincipalPath
    from profunda.theory.trajectories import TrainingPaths as TrainingPaths
    from profunda.theory.trajectories import principal_path as principal_path
    from profunda.theory.trajectories import training_paths as training_paths
    from profunda.theory.trajectories import walk_share as walk_share
    from profunda.theory.two_level import Cover as Cover
    from profunda.theory.two_level import Cube as Cube
    from profunda.theory.two_level import Reach as Reach
    from profunda.theory.two_level import minimal_cover as minimal_cover
    from profunda.theory.two_level import minterm_cover as minterm_cover
    from profunda.theory.two_level import plain_two_level as plain_two_level
    from profunda.theory.two_level import prime_implicants as prime_implicants
    from profunda.theory.two_level import two_level_circuit as two_level_circuit
    from profunda.theory.two_level import two_level_reach as two_level_reach
    from profunda.theory.widths import beta as beta
    from profunda.theory.widths import relu_fluctuation as relu_fluctuation

_HOMES = {
    "BasisProblem": "profunda.theory.bias_variance",
    "BatchNormGrowth": "profunda.theory.normalisation",
    "BatchNormStep": "profunda.theory.normalisation",
    "Chain": "profunda.theory.chains",
    "Circuit": "profunda.theory.circuits",
    "CircuitBuilder": "profunda.theory.circuits",
    "CoefficientTable": "profunda.theory.polynomials",
    "Cover": "profunda.theory.two_level",
    "Critical": "profunda.theory.critical",
    "Cube": "profunda.theory.two_level",
    "Decomposition": "profunda.theory.bias_variance",
    "DepthScales": "profunda.theory.propagation",
    "Duals": "profunda.theory.duals",
    "EffectiveComplexity": "profunda.theory.complexity",
    "Ensemble": "profunda.theory.ensembles",
    "EpochCurve": "profunda.theory.double_descent",
    "Estimate": "profunda.theory.ensembles",
    "FeatureSweep": "profunda.theory.double_descent",
    "Gate": "profunda.theory.circuits",
    "InputCount": "profunda.theory.counting",
    "IntrinsicDimension": "profunda.theory.counting",
    "KernelCondition": "profunda.theory.kernels",
    "Kernels": "profunda.theory.kernels",
    "LayerKernels": "profunda.theory.kernels",
    "LazyNumber": "profunda.theory.linearised",
    "LineSlice": "profunda.theory.landscapes",
    "LinearFit": "profunda.theory.linear",
    "LinearPrediction": "profunda.theory.linearised",
    "Linearised": "profunda.theory.linearised",
    "Link": "profunda.theory.chains",
    "LossScale": "profunda.theory.scales",
    "MultiplierSizes": "profunda.theory.arithmetic",
    "Nonlinearity": "profunda.theory.activations",
    "OrderShare": "profunda.theory.counting",
    "Parametrisation": "profunda.theory.kernels",
    "ParitySizes": "profunda.theory.parity",
    "Pieces": "profunda.theory.regions",
    "PlaneSlice": "profunda.theory.landscapes",
    "Pointwise": "profunda.theory.derivatives",
    "PolynomialFit": "profunda.theory.polynomials",
    "PrincipalPath": "profunda.theory.trajectories",
    "ProductError": "profunda.theory.product_trees",
    "ProductGate": "profunda.theory.gates",
    "ProductNetwork": "profunda.theory.product_trees",
    "Reach": "profunda.theory.two_level",
    "ReluLimit": "profunda.theory.gates",
    "RidgePath": "profunda.theory.ridge_path",
    "SharingRisk": "profunda.theory.pooling",
    "Smooth": "profunda.theory.derivatives",
    "SmootherRisk": "profunda.theory.smoothers",
    "Surface": "profunda.theory.landscapes",
    "TrainingPaths": "profunda.theory.trajectories",
    "TwoScales": "profunda.theory.double_descent",
    "TwoTasks": "profunda.theory.pooling",
    "Unread": "profunda.theory.chains",
    "VCBound": "profunda.theory.bounds",
    "VertexProfile": "profunda.theory.finite_width",
    "array_multiplier": "profunda.theory.arithmetic",
    "basis_problem": "profunda.theory.bias_variance",
    "batch_norm_growth": "profunda.theory.normalisation",
    "batch_norm_growth_limit": "profunda.theory.normalisation",
    "batch_norm_step": "profunda.theory.normalisation",
    "bending_point": "profunda.theory.derivatives",
    "best_product": "profunda.theory.product_trees",
    "beta": "profunda.theory.widths",
    "chain_of": "profunda.theory.chains",
    "chi_par": "profunda.theory.propagation",
    "chi_perp": "profunda.theory.propagation",
    "circuit_network": "profunda.theory.circuits",
    "coefficient_table": "profunda.theory.polynomials",
    "compression_ratio": "profunda.theory.counting",
    "condition_number": "profunda.theory.linear",
    "correlation_map": "profunda.theory.propagation",
    "correlation_profile": "profunda.theory.propagation",
    "count_inputs": "profunda.theory.counting",
    "critical_initialisation": "profunda.theory.critical",
    "cross_validated_ridge": "profunda.theory.ridge_path",
    "dead_layer_probability": "profunda.theory.finite_width",
    "decimal_digits": "profunda.theory.counting",
    "decompose": "profunda.theory.bias_variance",
    "degrees_of_freedom": "profunda.theory.smoothers",
    "dense_kernels": "profunda.theory.kernels",
    "dense_vc_dimension": "profunda.theory.bounds",
    "depth_scales": "profunda.theory.propagation",
    "derivative": "profunda.theory.derivatives",
    "descent_path": "profunda.theory.shrinkage",
    "descent_risk": "profunda.theory.double_descent",
    "dual_means": "profunda.theory.duals",
    "effective_complexity": "profunda.theory.complexity",
    "elastic_net": "profunda.theory.linear",
    "equivalent_ridge": "profunda.theory.shrinkage",
    "expected_rms": "profunda.theory.polynomials",
    "filter_direction": "profunda.theory.landscapes",
    "fit_polynomial": "profunda.theory.polynomials",
    "fixed_correlation": "profunda.theory.propagation",
    "fixed_variance": "profunda.theory.propagation",
    "flat_product": "profunda.theory.product_trees",
    "flat_sawtooth": "profunda.theory.sawtooth",
    "from_bits": "profunda.theory.arithmetic",
    "full_adder": "profunda.theory.arithmetic",
    "gate_within": "profunda.theory.gates",
    "gaussian_basis": "profunda.theory.bias_variance",
    "gradient_profile": "profunda.theory.propagation",
    "grid_minima": "profunda.theory.landscapes",
    "growth_bound": "profunda.theory.bounds",
    "half_adder": "profunda.theory.arithmetic",
    "has_critical": "profunda.theory.critical",
    "input_gradient_fluctuation": "profunda.theory.finite_width",
    "intrinsic_dimension": "profunda.theory.counting",
    "isotropic_draws": "profunda.theory.double_descent",
    "isotropic_risk": "profunda.theory.double_descent",
    "kernel_condition": "profunda.theory.kernels",
    "kernel_drift": "profunda.theory.linearised",
    "kernel_regression": "profunda.theory.kernels",
    "lambda_max": "profunda.theory.linear",
    "landscape": "profunda.theory.landscapes",
    "largest_stable_step": "profunda.theory.kernels",
    "lasso": "profunda.theory.linear",
    "lazy_number": "profunda.theory.linearised",
    "lazy_time": "profunda.theory.kernels",
    "leave_one_out_error": "profunda.theory.smoothers",
    "line_slice": "profunda.theory.landscapes",
    "linear_descent": "profunda.theory.linearised",
    "linear_flow": "profunda.theory.linearised",
    "linear_pieces": "profunda.theory.regions",
    "linearisation_distance": "profunda.theory.linearised",
    "log_gradient_mean": "profunda.theory.finite_width",
    "log_gradient_variance": "profunda.theory.finite_width",
    "log_norm_mean": "profunda.theory.finite_width",
    "log_norm_variance": "profunda.theory.finite_width",
    "losses_at": "profunda.theory.landscapes",
    "marked_points": "profunda.theory.landscapes",
    "matching_strengths": "profunda.theory.polynomials",
    "minimal_cover": "profunda.theory.two_level",
    "minterm_cover": "profunda.theory.two_level",
    "moments_can_be_sampled": "profunda.theory.finite_width",
    "monomials": "profunda.theory.counting",
    "most_pieces_on_a_line": "profunda.theory.regions",
    "most_regions": "profunda.theory.regions",
    "multiplication_gate": "profunda.theory.gates",
    "multiplier_sizes": "profunda.theory.arithmetic",
    "network_units": "profunda.theory.circuits",
    "noise_amplification": "profunda.theory.double_descent",
    "noise_as_ridge": "profunda.theory.linear",
    "nonlinearity": "profunda.theory.activations",
    "normal_mean": "profunda.theory.quadrature",
    "ntk_diagonal_limit": "profunda.theory.finite_width",
    "ntk_diagonal_mean": "profunda.theory.finite_width",
    "ntk_diagonal_variance": "profunda.theory.finite_width",
    "ntk_diagonal_variance_uncoupled": "profunda.theory.finite_width",
    "optimism": "profunda.theory.smoothers",
    "orthogonal_gain": "profunda.theory.gains",
    "orthogonal_solution": "profunda.theory.linear",
    "outputs_at": "profunda.theory.landscapes",
    "parameter_vector": "profunda.theory.landscapes",
    "parity_flat": "profunda.theory.parity",
    "parity_sizes": "profunda.theory.parity",
    "parity_table": "profunda.theory.parity",
    "parity_tree": "profunda.theory.parity",
    "plain_two_level": "profunda.theory.two_level",
    "plane_slice": "profunda.theory.landscapes",
    "polynomial_order_fit": "profunda.theory.counting",
    "powers": "profunda.theory.polynomials",
    "prime_implicants": "profunda.theory.two_level",
    "principal_path": "profunda.theory.trajectories",
    "printed_coefficients": "profunda.theory.polynomials",
    "printed_landscape": "profunda.theory.landscapes",
    "product_errors": "profunda.theory.product_trees",
    "product_tree": "profunda.theory.product_trees",
    "random_feature_sweep": "profunda.theory.double_descent",
    "random_networks": "profunda.theory.ensembles",
    "random_pieces": "profunda.theory.regions",
    "refit_rms": "profunda.theory.polynomials",
    "regions_within_reach": "profunda.theory.regions",
    "regular_landscape": "profunda.theory.landscapes",
    "regular_minima": "profunda.theory.landscapes",
    "relative_variance": "profunda.theory.ensembles",
    "relu_fluctuation": "profunda.theory.widths",
    "relu_limit": "profunda.theory.gates",
    "richardson_gate": "profunda.theory.gates",
    "ridge": "profunda.theory.linear",
    "ridge_smoother": "profunda.theory.smoothers",
    "ripple_adder": "profunda.theory.arithmetic",
    "rounding_reach": "profunda.theory.polynomials",
    "sauer_sum": "profunda.theory.bounds",
    "sawtooth_crossings": "profunda.theory.sawtooth",
    "sawtooth_network": "profunda.theory.sawtooth",
    "sawtooth_pieces": "profunda.theory.sawtooth",
    "sawtooth_value": "profunda.theory.sawtooth",
    "smoother_risk": "profunda.theory.smoothers",
    "soft_threshold": "profunda.theory.linear",
    "strength_for": "profunda.theory.scales",
    "ten_points": "profunda.theory.polynomials",
    "tent": "profunda.theory.sawtooth",
    "to_bits": "profunda.theory.arithmetic",
    "torch_bound": "profunda.theory.gains",
    "training_paths": "profunda.theory.trajectories",
    "training_risk": "profunda.theory.smoothers",
    "truth_rows": "profunda.theory.circuits",
    "two_level_circuit": "profunda.theory.two_level",
    "two_level_reach": "profunda.theory.two_level",
    "variance_map": "profunda.theory.propagation",
    "variance_profile": "profunda.theory.propagation",
    "vc_bound": "profunda.theory.bounds",
    "vc_sample_size": "profunda.theory.bounds",
    "vertex_profile": "profunda.theory.finite_width",
    "walk_share": "profunda.theory.trajectories",
    "weight_variance": "profunda.theory.gains",
}

__all__ = [
    "BasisProblem",
    "BatchNormGrowth",
    "BatchNormStep",
    "Chain",
    "Circuit",
    "CircuitBuilder",
    "CoefficientTable",
    "Cover",
    "Critical",
    "Cube",
    "Decomposition",
    "DepthScales",
    "Duals",
    "EffectiveComplexity",
    "Ensemble",
    "EpochCurve",
    "Estimate",
    "FeatureSweep",
    "Gate",
    "InputCount",
    "IntrinsicDimension",
    "KernelCondition",
    "Kernels",
    "LayerKernels",
    "LazyNumber",
    "LineSlice",
    "LinearFit",
    "LinearPrediction",
    "Linearised",
    "Link",
    "LossScale",
    "MultiplierSizes",
    "Nonlinearity",
    "OrderShare",
    "Parametrisation",
    "ParitySizes",
    "Pieces",
    "PlaneSlice",
    "Pointwise",
    "PolynomialFit",
    "PrincipalPath",
    "ProductError",
    "ProductGate",
    "ProductNetwork",
    "Reach",
    "ReluLimit",
    "RidgePath",
    "SharingRisk",
    "Smooth",
    "SmootherRisk",
    "Surface",
    "TrainingPaths",
    "TwoScales",
    "TwoTasks",
    "Unread",
    "VCBound",
    "VertexProfile",
    "array_multiplier",
    "basis_problem",
    "batch_norm_growth",
    "batch_norm_growth_limit",
    "batch_norm_step",
    "bending_point",
    "best_product",
    "beta",
    "chain_of",
    "chi_par",
    "chi_perp",
    "circuit_network",
    "coefficient_table",
    "compression_ratio",
    "condition_number",
    "correlation_map",
    "correlation_profile",
    "count_inputs",
    "critical_initialisation",
    "cross_validated_ridge",
    "dead_layer_probability",
    "decimal_digits",
    "decompose",
    "degrees_of_freedom",
    "dense_kernels",
    "dense_vc_dimension",
    "depth_scales",
    "derivative",
    "descent_path",
    "descent_risk",
    "dual_means",
    "effective_complexity",
    "elastic_net",
    "equivalent_ridge",
    "expected_rms",
    "filter_direction",
    "fit_polynomial",
    "fixed_correlation",
    "fixed_variance",
    "flat_product",
    "flat_sawtooth",
    "from_bits",
    "full_adder",
    "gate_within",
    "gaussian_basis",
    "gradient_profile",
    "grid_minima",
    "growth_bound",
    "half_adder",
    "has_critical",
    "input_gradient_fluctuation",
    "intrinsic_dimension",
    "isotropic_draws",
    "isotropic_risk",
    "kernel_condition",
    "kernel_drift",
    "kernel_regression",
    "lambda_max",
    "landscape",
    "largest_stable_step",
    "lasso",
    "lazy_number",
    "lazy_time",
    "leave_one_out_error",
    "line_slice",
    "linear_descent",
    "linear_flow",
    "linear_pieces",
    "linearisation_distance",
    "log_gradient_mean",
    "log_gradient_variance",
    "log_norm_mean",
    "log_norm_variance",
    "losses_at",
    "marked_points",
    "matching_strengths",
    "minimal_cover",
    "minterm_cover",
    "moments_can_be_sampled",
    "monomials",
    "most_pieces_on_a_line",
    "most_regions",
    "multiplication_gate",
    "multiplier_sizes",
    "network_units",
    "noise_amplification",
    "noise_as_ridge",
    "nonlinearity",
    "normal_mean",
    "ntk_diagonal_limit",
    "ntk_diagonal_mean",
    "ntk_diagonal_variance",
    "ntk_diagonal_variance_uncoupled",
    "optimism",
    "orthogonal_gain",
    "orthogonal_solution",
    "outputs_at",
    "parameter_vector",
    "parity_flat",
    "parity_sizes",
    "parity_table",
    "parity_tree",
    "plain_two_level",
    "plane_slice",
    "polynomial_order_fit",
    "powers",
    "prime_implicants",
    "principal_path",
    "printed_coefficients",
    "printed_landscape",
    "product_errors",
    "product_tree",
    "random_feature_sweep",
    "random_networks",
    "random_pieces",
    "refit_rms",
    "regions_within_reach",
    "regular_landscape",
    "regular_minima",
    "relative_variance",
    "relu_fluctuation",
    "relu_limit",
    "richardson_gate",
    "ridge",
    "ridge_smoother",
    "ripple_adder",
    "rounding_reach",
    "sauer_sum",
    "sawtooth_crossings",
    "sawtooth_network",
    "sawtooth_pieces",
    "sawtooth_value",
    "smoother_risk",
    "soft_threshold",
    "strength_for",
    "ten_points",
    "tent",
    "to_bits",
    "torch_bound",
    "training_paths",
    "training_risk",
    "truth_rows",
    "two_level_circuit",
    "two_level_reach",
    "variance_map",
    "variance_profile",
    "vc_bound",
    "vc_sample_size",
    "vertex_profile",
    "walk_share",
    "weight_variance",
]

__getattr__, __dir__ = lazily(__name__, _HOMES)
