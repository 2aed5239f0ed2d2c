"""Formulas on plain numbers and arrays, each with its source; this room knows no fleet.

`gains` are variances of first weights, `widths` what the widths of a network say before training;
`activations`, `quadrature`, `roots` and `propagation` are the mean-field maps of signals and gradients,
`critical` the variances at which both keep their size, `finite_width` how far networks of finite widths stray
from that, and `ensembles` thousands of them, drawn and measured; `linear` solves ridge, lasso and elastic
net, `shrinkage` compares early stopping with ridge, and `scales` says what a penalty's strength means beside
which loss.

What data promise: `bounds` (VC), `complexity` (effective), `smoothers`, `bias_variance`, `ridge_path` and
`polynomials`, `double_descent` by size and by epoch, `pooling` of two tasks, `task_solvers` under the
`task_penalties` that tie many; `normalisation` of a batch;
`resolutions` of training and test.

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
    from profunda.theory.certificates import Certificate as Certificate
    from profunda.theory.certificates import certificate as certificate
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
    from profunda.theory.cosines import GradientCosines as GradientCosines
    from profunda.theory.cosines import gradient_cosines as gradient_cosines
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
    from profunda.theory.jacobians import Deficit as Deficit
    from profunda.theory.jacobians import JacobianRank as JacobianRank
    from profunda.theory.jacobians import jacobian as jacobian
    from profunda.theory.jacobians import jacobian_rank as jacobian_rank
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
    from profunda.theory.losses import cross_entropy as cross_entropy
    from profunda.theory.losses import squared_error as squared_error
    from profunda.theory.normalisation import BatchNormGrowth as BatchNormGrowth
    from profunda.theory.normalisation import BatchNormStep as BatchNormStep
    from profunda.theory.normalisation import batch_norm_growth as batch_norm_growth
    from profunda.theory.normalisation import batch_norm_growth_limit as batch_norm_growth_limit
    from profunda.theory.normalisation import batch_norm_step as batch_norm_step
    from profunda.theory.parameter_maps import ParameterMap as ParameterMap
    from profunda.theory.parameter_maps import parameter_map as parameter_map
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
    from profunda.theory.products import Operator as Operator
    from profunda.theory.products import curvature as curvature
    from profunda.theory.products import tangent_operator as tangent_operator
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
    from profunda.theory.proximal import shrink_columns as shrink_columns
    from profunda.theory.proximal import shrink_rows as shrink_rows
    from profunda.theory.proximal import shrink_singular_values as shrink_singular_values
    from profunda.theory.quadrature import normal_mean as normal_mean
    from profunda.theory.regions import Pieces as Pieces
    from profunda.theory.regions import linear_pieces as linear_pieces
    from profunda.theory.regions import most_pieces_on_a_line as most_pieces_on_a_line
    from profunda.theory.regions import most_regions as most_regions
    from profunda.theory.regions import random_pieces as random_pieces
    from profunda.theory.regions import regions_within_reach as regions_within_reach
    from profunda.theory.resolutions import apparent_size_ratio as apparent_size_ratio
    from profunda.theory.resolutions import mean_crop_side as mean_crop_side
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
    from profunda.theory.spectra import Extremes as Extremes
    from profunda.theory.spectra import SpectralDensity as SpectralDensity
    from profunda.theory.spectra import TraceEstimate as TraceEstimate
    from profunda.theory.spectra import extreme_eigenvalues as extreme_eigenvalues
    from profunda.theory.spectra import hutchinson_trace as hutchinson_trace
    from profunda.theory.spectra import spectral_density as spectral_density
    from profunda.theory.tangents import TangentKernel as TangentKernel
    from profunda.theory.tangents import empirical_ntk as empirical_ntk
    from profunda.theory.task_gradients import TaskCosines as TaskCosines
    from profunda.theory.task_gradients import task_cosines as task_cosines
    from profunda.theory.task_paths import TaskPath as TaskPath
    from profunda.theory.task_paths import cross_validated_tasks as cross_validated_tasks
    from profunda.theory.task_paths import task_path as task_path
    from profunda.theory.task_penalties import ClusteredTasks as ClusteredTasks
    from profunda.theory.task_penalties import JointFeatures as JointFeatures
    from profunda.theory.task_penalties import MeanRegularised as MeanRegularised
    from profunda.theory.task_penalties import OutlierTasks as OutlierTasks
    from profunda.theory.task_penalties import PooledTasks as PooledTasks
    from profunda.theory.task_penalties import SeparateRidge as SeparateRidge
    from profunda.theory.task_penalties import SparseWeights as SparseWeights
    from profunda.theory.task_penalties import TaskGraph as TaskGraph
    from profunda.theory.task_penalties import TaskParts as TaskParts
    from profunda.theory.task_penalties import TaskSum as TaskSum
    from profunda.theory.task_penalties import TraceNorm as TraceNorm
    from profunda.theory.task_penalties import chain_links as chain_links
    from profunda.theory.task_rows import TaskRows as TaskRows
    from profunda.theory.task_rows import predict_tasks as predict_tasks
    from profunda.theory.task_solvers import TaskFit as TaskFit
    from profunda.theory.task_solvers import fit_tasks as fit_tasks
    from profunda.theory.task_solvers import vanishing_factor as vanishing_factor
    from profunda.theory.trajectories import PrincipalPath as PrincipalPath
    from profunda.theory.trajectories import TrainingPaths as TrainingPaths
    from profunda.theory.trajectories import principal_path as principal_path
    from profunda.theory.trajectories import training_paths as training_paths
    from profunda.theory.trajectories import walk_share as walk_share
    from profunda.theory.transfer import TransferForecast as TransferForecast
    from profunda.theory.transfer import transfer_forecast as transfer_forecast
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

_NAMES = {
    "activations": "Nonlinearity nonlinearity",
    "arithmetic": (
        "MultiplierSizes array_multiplier from_bits full_adder half_adder multiplier_sizes ripple_adder "
        "to_bits"
    ),
    "bias_variance": "BasisProblem Decomposition basis_problem decompose gaussian_basis",
    "bounds": "VCBound dense_vc_dimension growth_bound sauer_sum vc_bound vc_sample_size",
    "certificates": "Certificate certificate",
    "chains": "Chain Link Unread chain_of",
    "circuits": "Circuit CircuitBuilder Gate circuit_network network_units truth_rows",
    "complexity": "EffectiveComplexity effective_complexity",
    "cosines": "GradientCosines gradient_cosines",
    "counting": (
        "InputCount IntrinsicDimension OrderShare compression_ratio count_inputs decimal_digits "
        "intrinsic_dimension monomials polynomial_order_fit"
    ),
    "critical": "Critical critical_initialisation has_critical",
    "derivatives": "Pointwise Smooth bending_point derivative",
    "double_descent": (
        "EpochCurve FeatureSweep TwoScales descent_risk isotropic_draws isotropic_risk noise_amplification "
        "random_feature_sweep"
    ),
    "duals": "Duals dual_means",
    "ensembles": "Ensemble Estimate random_networks relative_variance",
    "finite_width": (
        "VertexProfile dead_layer_probability input_gradient_fluctuation log_gradient_mean "
        "log_gradient_variance log_norm_mean log_norm_variance moments_can_be_sampled ntk_diagonal_limit "
        "ntk_diagonal_mean ntk_diagonal_variance ntk_diagonal_variance_uncoupled vertex_profile"
    ),
    "gains": "orthogonal_gain torch_bound weight_variance",
    "gates": "ProductGate ReluLimit gate_within multiplication_gate relu_limit richardson_gate",
    "jacobians": "Deficit JacobianRank jacobian jacobian_rank",
    "kernels": (
        "KernelCondition Kernels LayerKernels Parametrisation dense_kernels kernel_condition "
        "kernel_regression largest_stable_step lazy_time"
    ),
    "landscapes": (
        "LineSlice PlaneSlice Surface filter_direction grid_minima landscape line_slice losses_at "
        "marked_points outputs_at parameter_vector plane_slice printed_landscape regular_landscape "
        "regular_minima"
    ),
    "linear": (
        "LinearFit condition_number elastic_net lambda_max lasso noise_as_ridge orthogonal_solution ridge "
        "soft_threshold"
    ),
    "linearised": (
        "LazyNumber LinearPrediction Linearised kernel_drift lazy_number linear_descent linear_flow "
        "linearisation_distance"
    ),
    "losses": "cross_entropy squared_error",
    "normalisation": (
        "BatchNormGrowth BatchNormStep batch_norm_growth batch_norm_growth_limit batch_norm_step"
    ),
    "parameter_maps": "ParameterMap parameter_map",
    "parity": "ParitySizes parity_flat parity_sizes parity_table parity_tree",
    "polynomials": (
        "CoefficientTable PolynomialFit coefficient_table expected_rms fit_polynomial matching_strengths "
        "powers printed_coefficients refit_rms rounding_reach ten_points"
    ),
    "pooling": "SharingRisk TwoTasks",
    "product_trees": "ProductError ProductNetwork best_product flat_product product_errors product_tree",
    "products": "Operator curvature tangent_operator",
    "propagation": (
        "DepthScales chi_par chi_perp correlation_map correlation_profile depth_scales fixed_correlation "
        "fixed_variance gradient_profile variance_map variance_profile"
    ),
    "proximal": "shrink_columns shrink_rows shrink_singular_values",
    "quadrature": "normal_mean",
    "regions": "Pieces linear_pieces most_pieces_on_a_line most_regions random_pieces regions_within_reach",
    "resolutions": "apparent_size_ratio mean_crop_side",
    "ridge_path": "RidgePath cross_validated_ridge",
    "sawtooth": "flat_sawtooth sawtooth_crossings sawtooth_network sawtooth_pieces sawtooth_value tent",
    "scales": "LossScale strength_for",
    "shrinkage": "descent_path equivalent_ridge",
    "smoothers": (
        "SmootherRisk degrees_of_freedom leave_one_out_error optimism ridge_smoother smoother_risk "
        "training_risk"
    ),
    "spectra": "Extremes SpectralDensity TraceEstimate extreme_eigenvalues hutchinson_trace spectral_density",
    "tangents": "TangentKernel empirical_ntk",
    "task_gradients": "TaskCosines task_cosines",
    "task_paths": "TaskPath cross_validated_tasks task_path",
    "task_penalties": (
        "ClusteredTasks JointFeatures MeanRegularised OutlierTasks TaskParts PooledTasks SeparateRidge "
        "SparseWeights TaskSum TaskGraph TraceNorm chain_links"
    ),
    "task_rows": "TaskRows predict_tasks",
    "task_solvers": "TaskFit fit_tasks vanishing_factor",
    "trajectories": "PrincipalPath TrainingPaths principal_path training_paths walk_share",
    "transfer": "TransferForecast transfer_forecast",
    "two_level": (
        "Cover Cube Reach minimal_cover minterm_cover plain_two_level prime_implicants two_level_circuit "
        "two_level_reach"
    ),
    "widths": "beta relu_fluctuation",
}

_HOMES = {name: f"profunda.theory.{module}" for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_HOMES)  # 200 names: a list of them would only say the table again

__getattr__, __dir__ = lazily(__name__, _HOMES)
