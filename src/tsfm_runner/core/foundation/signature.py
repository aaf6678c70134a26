"""What a model of signature `tsfm-1` is shown, and what it answers."""

from typing import Final

SIGNATURE: Final = "tsfm-1"

CONTEXT_STEPS: Final = 288

N_CHANNELS: Final = 3
"""Distance from the last price, change since the step before, what is known."""

FEATURES: Final = (
    # where the price is
    "logit_price",
    "price",
    "log_edge_distance",
    "cent_distance",
    # how far it moves, absolutely and beside how far it may
    "log_scale",
    "log_logit_scale",
    # how far it moved lately, beside the whole context
    "log_volatility_3",
    "log_volatility_12",
    "log_volatility_48",
    "log_volatility_144",
    "log_mean_move_3",
    "log_mean_move_6",
    "log_mean_move_24",
    "newest_move_surprise",
    "largest_move_12",
    "largest_move",
    # how far it moved at this time of the days before
    "log_day_move_1",
    "log_day_move_3",
    "log_day_move_6",
    "log_day_move_12",
    "log_week_move_12",
    "knows_day",
    # how often it moves
    "moving_share_6",
    "moving_share_12",
    "moving_share_48",
    "moving_share",
    "log_steps_since_move",
    "log_sparseness",
    # the last move
    "last_move_size",
    "last_move",
    # where the price is beside its past
    "above_mean_12",
    "above_mean_48",
    "above_mean",
    "range_12",
    "range_48",
    "range",
    "below_high_48",
    "above_low_48",
    "change_12",
    "change_48",
    # how moves follow one another
    "change_correlation",
    "move_size_product",
    "move_size_correlation",
    "reversal_share",
    "log_variance_ratio_4",
    "log_variance_ratio_12",
    # the grid that prices stand on
    "cent_share",
    "half_cent_share",
    "tenth_cent_share",
    # time, and how much of it is known
    "log_step_minutes",
    "log_steps_to_close",
    "knows_close",
    "log_length",
    "gap_share",
)
"""Scale-free, within [-6, 6]; in the order of the columns."""

N_FEATURES: Final = len(FEATURES)

ANCHOR_STEPS: Final = (*range(1, 13), 16, 24, 32, 48, 64, 96, 144, 192, 288)
"""Steps ahead that the bundled model answers; others lie between."""

NATIVE_LEVELS: Final = (
    0.01,
    0.05,
    0.1,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    0.95,
    0.99,
)
