"""Names: what dimensions, coordinates and variables of all results are called; spelled here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Word: TypeAlias = tuple[tuple[str, ...], str, str]
"""Dimensions, long name, units."""

ALPHA, CHANNEL, Y, X, OUT_Y, OUT_X = "alpha", "channel", "y", "x", "out_y", "out_x"
MODEL, IMAGE, REGION, REFINEMENT = "model", "image", "region", "refinement"
METHOD, MODE, FRACTION, STAGE, CHOICE = "method", "mode", "fraction", "stage", "choice"
BLOCK_Y, BLOCK_X, DRAW = "block_y", "block_x", "draw"
WINDOW_Y, WINDOW_X, FIELD_Y, FIELD_X = "window_y", "window_x", "field_y", "field_x"
AXIS, QUANTITY = "axis", "quantity"
WEIGHT, SIGMA = "weight", "sigma"
LAYERS, LAST = "layers", "last"
WIDTH, DEPTH = "width", "depth"
REGION_Y, REGION_X, REGION_SIZE = "region_y", "region_x", "region_size"
REGION_HEIGHT, REGION_WIDTH = "region_height", "region_width"

INPUT, OUTPUT, REFERENCE = "input", "output", "reference"
PATH, GRADIENT, INTEGRAND, DETECTOR, OUTPUT_PATH = "path", "gradient", "integrand", "detector", "output_path"
ATTRIBUTION, DETECTOR_START, DETECTOR_END = "attribution", "detector_start", "detector_end"
COMPLETENESS_GAP, QUADRATURE_ERROR, SAMPLING_ERROR = "completeness_gap", "quadrature_error", "sampling_error"
PRECISION_ERROR, STEP_ERROR = "precision_error", "step_error"
NODE_COUNT, ERROR_HISTORY, INDEX_HISTORY = "node_count", "error_history", "index_history"
DIFFUSION_INDEX, DIFFUSION_INDEX_ERROR = "diffusion_index", "diffusion_index_error"
DIFFUSION_INDEX_COMMON = "diffusion_index_common"
PSNR, PSNR_WINDOW, SSIM = "psnr", "psnr_window", "ssim"
PSNR_RGB, PSNR_LUMA, SSIM_RGB, SSIM_LUMA = "psnr_rgb", "psnr_luma", "ssim_rgb", "ssim_luma"
INFLUENCE, EFFECTIVE_FIELD = "influence", "effective_receptive_field"
ABOVE, BELOW, LEFT, RIGHT = "above", "below", "left", "right"
FIELD_HEIGHT, FIELD_WIDTH, FIELD_EXACT = "field_height", "field_width", "field_exact"
DETECTOR_SHARE, OUTPUT_SHARE, OUTPUT_SHARE_ERROR = "detector_share", "output_share", "output_share_error"
DETECTOR_AREA, OUTPUT_AREA = "detector_area", "output_area"
RANK_CORRELATION, TOP_OVERLAP, RANKING = "rank_correlation", "top_overlap", "ranking"
EFFECT, STANDARD_ERROR, DRAWS, EVERY_DRAW = "effect", "standard_error", "draws", "every_draw"
QUALITY_ORIGIN, POSITIVE, NEGATIVE, ZERO, OWN = "quality_origin", "positive", "negative", "zero", "own"
PEARSON, SPEARMAN, AGAINST, COMPARED = "pearson", "spearman", "against", "compared"
LARGEST, MEAN, WIDEST, LOW, HIGH = "largest", "mean", "widest", "low", "high"
DONE, FAILURE = "done", "failure"
LAYER, SAMPLE, COMPONENT, MEASURE, TEST = "layer", "sample", "component", "measure", "test"
CONTENT, DEGRADATION, LEVEL, FEATURES, THUMBNAIL = "content", "degradation", "level", "features", "thumbnail"
PROJECTION, EXPLAINED_VARIANCE, PLANE = "projection", "explained_variance", "plane"
SEPARABILITY, CHANCE, P_VALUE = "separability", "chance", "p_value"
GENERALISATION, FIT_SHAPE, FIT_SPREAD = "generalisation", "fit_shape", "fit_spread"
COMPONENTS, PATCHES, BY_COMPONENTS, BY_PATCHES = "components", "patches", "by_components", "by_patches"
KERNEL, OUT, INTO = "kernel", "out", "in"
SCORE, SCORE_ERROR, SCORE_EACH = "score", "score_error", "score_each"
DISCRIMINATIVE, DISCRIMINATIVE_ERROR = "discriminative", "discriminative_error"
CHANGE, TARGET_GRADIENT, SIGNED_SUM = "change", "target_gradient", "signed_sum"
LOSS_TARGET, LOSS_BASELINE = "loss_target", "loss_baseline"
SHARE, AMOUNT, SKILL = "share", "amount", "skill"
FUNCTION_LOST, PSNR_LOST, FUNCTION_GAP, PSNR_GAP = "function_lost", "psnr_lost", "function_gap", "psnr_gap"
PREDICTED, CONFUSION, SAID, ACCURACY = "predicted", "confusion", "said", "accuracy"
KERNELS, SPREAD, PART, TOP_SHARE = "kernels", "spread", "part", "top_share"
ENDS = ("", "_low", "_high")
"""What follows a name: the number, and the ends of its interval."""

PIXELS = (CHANNEL, Y, X)
OUTPUT_PIXELS = (CHANNEL, OUT_Y, OUT_X)
PICTURES: Mapping[str, Word] = {
    INPUT: (PIXELS, "network input", "intensity"),
    OUTPUT: (OUTPUT_PIXELS, "network output", "intensity"),
}
"""Words for the pictures that most results carry."""
QUALITIES: Mapping[str, Word] = {
    REFERENCE: (OUTPUT_PIXELS, "ground truth", "intensity"),
    PSNR: ((), "peak signal-to-noise ratio of the output, all channels", "dB"),
    PSNR_WINDOW: ((), "peak signal-to-noise ratio of the window, all channels", "dB"),
    SSIM: ((), "structural similarity of the output, all channels", "1"),
}
"""Words for what a ground truth tells."""
COORDINATES: Mapping[str, Word] = {
    ALPHA: ((ALPHA,), "position on the path", "1"),
    WEIGHT: ((ALPHA,), "quadrature weight", "1"),
    SIGMA: ((ALPHA,), "blur", "input pixels"),
    CHANNEL: ((CHANNEL,), "colour channel", "1"),
    Y: ((Y,), "row", "input pixels"),
    X: ((X,), "column", "input pixels"),
    OUT_Y: ((OUT_Y,), "row", "output pixels"),
    OUT_X: ((OUT_X,), "column", "output pixels"),
}
"""Words for coordinates that are the same in all results."""
