"""Every feature and channel of a model once more, in plain loops over one context."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

FLOOR = 0.0002


@dataclass(frozen=True)
class Context:
    """What is known of one market; no padding."""

    prices: Sequence[float]
    is_observed: Sequence[bool]
    step_minutes: float
    steps_to_close: float

    @property
    def last(self) -> float:
        return self.prices[-1]

    @property
    def changes(self) -> list[float]:
        return [after - before for before, after in pairwise(self.prices)]

    @property
    def moves(self) -> list[float]:
        return [change for change in self.changes if abs(change) > 1e-7]

    @property
    def scale(self) -> float:
        total = 0.25 * 0.03**2 * self.last * (1 - self.last)
        for change in self.changes:
            total += change**2
        return math.sqrt(total / (len(self.changes) + 0.25) + FLOOR**2)


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def recent_mean(values: Sequence[float], half_life: float) -> float:
    weights = [0.5 ** (age / half_life) for age in range(len(values))][::-1]
    if not values:
        return 0.0
    total = math.fsum(
        weight * value for weight, value in zip(weights, values, strict=True)
    )
    return total / math.fsum(weights)


def clamped(value: float) -> float:
    return min(max(value, -6), 6)


def plain_features(context: Context) -> dict[str, float]:
    features = {
        **level(context),
        **volatility(context),
        **season(context),
        **counts(context),
        **past(context),
        **sequence(context),
        **circumstances(context),
    }
    return {name: clamped(value) for name, value in features.items()}


def level(context: Context) -> dict[str, float]:
    inside = min(max(context.last, 0.0005), 0.9995)
    cents = context.last * 100
    nearest = min(cents - math.floor(cents), math.ceil(cents) - cents)
    return {
        "logit_price": math.log(inside / (1 - inside)) / 3,
        "price": 2 * context.last - 1,
        "log_edge_distance": math.log(min(inside, 1 - inside)) / 2 + 1,
        "cent_distance": 2 * nearest,
        "log_scale": (math.log(context.scale) + 5.5) / 1.5,
        "log_logit_scale": (math.log(context.scale / inside / (1 - inside)) + 3) / 2,
    }


def volatility(context: Context) -> dict[str, float]:
    sizes = [abs(change) for change in context.changes]
    squares = [size**2 for size in sizes]
    newest = sizes[-1] if sizes else 0.0
    least = 0.05 * context.scale
    features = {
        f"log_volatility_{half_life}": math.log(
            math.sqrt(recent_mean(squares, half_life) + (FLOOR / 2) ** 2)
            / context.scale
        )
        for half_life in (3, 12, 48, 144)
    }
    for n_steps in (3, 6, 24):
        share = mean(sizes[-n_steps:]) / context.scale + 0.02
        features[f"log_mean_move_{n_steps}"] = math.log(share) / 2
    usual = recent_mean(sizes, 12)
    largest, largest_12 = (max(part, default=0) for part in (sizes, sizes[-12:]))
    return {
        **features,
        "newest_move_surprise": math.log((newest + least) / (usual + least)),
        "largest_move_12": math.asinh(largest_12 / context.scale) / 2,
        "largest_move": math.asinh(largest / context.scale) / 2,
    }


def season(context: Context) -> dict[str, float]:
    day = 1440 / context.step_minutes
    newest = len(context.prices) - 1
    knows_day = day.is_integer() and 12 <= day <= newest
    features = {
        f"log_day_move_{n_steps}": log_move_after(
            context, [newest - int(day) * back for back in range(1, 6)], n_steps
        )
        if knows_day
        else 0.0
        for n_steps in (1, 3, 6, 12)
    }
    week_ago = [newest - 7 * int(day)] if knows_day else []
    return {
        **features,
        "log_week_move_12": log_move_after(context, week_ago, 12),
        "knows_day": float(knows_day),
    }


def log_move_after(context: Context, starts: Sequence[int], n_steps: int) -> float:
    """Tell the mean move of the steps after each start that is known."""
    moved = [
        abs(context.prices[start + step + 1] - context.prices[start + step])
        for start in starts
        for step in range(n_steps)
        if start >= 0
    ]
    return math.log(mean(moved) / context.scale + 0.02) / 2 if moved else 0.0


def counts(context: Context) -> dict[str, float]:
    is_move = [float(abs(change) > 1e-7) for change in context.changes]
    n_since = len(context.prices)
    for age, moved in enumerate(reversed(is_move)):
        if moved:
            n_since = age
            break
    mean_move = mean([abs(change) for change in context.changes])
    newest = context.moves[-1] if context.moves else 0.0
    return {
        "moving_share_6": mean(is_move[-6:]),
        "moving_share_12": mean(is_move[-12:]),
        "moving_share_48": mean(is_move[-48:]),
        "moving_share": mean(is_move),
        "log_steps_since_move": math.log(1 + n_since) / 3,
        "log_sparseness": math.log((mean_move + 1e-5) / context.scale) / 2 + 1,
        "last_move_size": math.asinh(abs(newest) / context.scale),
        "last_move": math.asinh(newest / context.scale),
    }


def past(context: Context) -> dict[str, float]:
    last, scale = context.last, context.scale
    features = {}
    for suffix, n_steps, divisor in (("_12", 12, 2), ("_48", 48, 2), ("", 288, 3)):
        part = context.prices[-n_steps:]
        features[f"above_mean{suffix}"] = math.asinh((last - mean(part)) / scale)
        features[f"range{suffix}"] = (
            math.asinh((max(part) - min(part)) / scale) / divisor
        )
    for n_steps in (12, 48):
        before = context.prices[-n_steps - 1 :][0]
        features[f"change_{n_steps}"] = math.asinh((last - before) / scale)
    recent = context.prices[-48:]
    return {
        **features,
        "below_high_48": math.asinh((max(recent) - last) / scale) / 2,
        "above_low_48": math.asinh((last - min(recent)) / scale) / 2,
        "cent_share": grid_share(context, tick=0.01),
        "half_cent_share": grid_share(context, tick=0.005),
        "tenth_cent_share": grid_share(context, tick=0.001),
    }


def grid_share(context: Context, *, tick: float) -> float:
    off_grid = [
        abs(price - round(price / tick) * tick) * 30_000 for price in context.prices
    ]
    return mean([float(distance < 1) for distance in off_grid])


def sequence(context: Context) -> dict[str, float]:
    changes = context.changes
    squares = math.fsum(change**2 for change in changes) + FLOOR**2
    usual = mean([abs(change) for change in changes])
    beyond = [abs(change) - usual for change in changes]
    spread = math.fsum(size**2 for size in beyond) + FLOOR**2
    reversals = [float(one * two < 0) for one, two in pairwise(context.moves)]
    return {
        "change_correlation": math.fsum(a * b for a, b in pairwise(changes)) / squares,
        "move_size_product": math.fsum(abs(a * b) for a, b in pairwise(changes))
        / squares,
        "move_size_correlation": math.fsum(a * b for a, b in pairwise(beyond)) / spread,
        "reversal_share": mean(reversals) if reversals else 0.5,
        "log_variance_ratio_4": variance_ratio(context, 4),
        "log_variance_ratio_12": variance_ratio(context, 12),
    }


def variance_ratio(context: Context, n_steps: int) -> float:
    prices = context.prices
    if len(prices) <= n_steps:
        return 0.0
    moved = [
        (b - a) ** 2 / n_steps for a, b in zip(prices, prices[n_steps:], strict=False)
    ]
    single = [change**2 for change in context.changes]
    return math.log((mean(moved) + FLOOR**2) / (mean(single) + FLOOR**2)) / 2


def circumstances(context: Context) -> dict[str, float]:
    ahead = context.steps_to_close
    is_ahead = not math.isnan(ahead) and ahead > 0
    return {
        "log_step_minutes": math.log(context.step_minutes / 5) / 2,
        "log_steps_to_close": (math.log(1 + ahead) - 6) / 3 if is_ahead else 0.0,
        "knows_close": float(is_ahead),
        "log_length": math.log(len(context.prices) / 288),
        "gap_share": mean([float(not seen) for seen in context.is_observed]),
    }


def plain_channels(context: Context) -> list[list[float]]:
    padding = 288 - len(context.prices)
    return [
        [0.0] * padding
        + [math.asinh((p - context.last) / context.scale) for p in context.prices],
        [0.0] * (padding + 1)
        + [math.asinh(change / context.scale) for change in context.changes],
        [-1.0] * padding + [float(seen) for seen in context.is_observed],
    ]
