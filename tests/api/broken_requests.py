"""One request for each way to break a rule of the request table."""

from typing import Any

from tests.api.wire import AS_OF, AS_OF_S

Loc = list[str | int]

_DEEP = {"a": {"b": {"c": {"d": 1}}}}
_THREE_TIMES = [AS_OF_S - 600, AS_OF_S - 300, AS_OF_S]

BROKEN: dict[str, tuple[dict[str, Any], Loc, str]] = {
    # market_id: 1..256 characters
    "market_id empty": ({"market_id": ""}, ["market_id"], "at least 1 character"),
    "market_id long": ({"market_id": "m" * 257}, ["market_id"], "at most 256"),
    "market_id number": ({"market_id": 7}, ["market_id"], "valid string"),
    "market_id null": ({"market_id": None}, ["market_id"], "valid string"),
    # as_of_ts: RFC 3339 with an offset
    "as_of_ts naive": ({"as_of_ts": "2026-02-20T12:00:00"}, ["as_of_ts"], "offset"),
    "as_of_ts date": ({"as_of_ts": "2026-02-20"}, ["as_of_ts"], "RFC 3339"),
    "as_of_ts epoch": ({"as_of_ts": AS_OF_S}, ["as_of_ts"], "RFC 3339"),
    "as_of_ts no such day": (
        {"as_of_ts": "2026-02-30T12:00:00Z"},
        ["as_of_ts"],
        "day",
    ),
    "as_of_ts other digits": (
        {"as_of_ts": "202\u0666-02-20T12:00:00Z"},
        ["as_of_ts"],
        "RFC 3339",
    ),
    "as_of_ts offset of a day": (
        {"as_of_ts": "2026-02-20T12:00:00+24:00"},
        ["as_of_ts"],
        "offset",
    ),
    "as_of_ts before 1971": (
        {"as_of_ts": "1970-06-01T00:00:00Z"},
        ["as_of_ts"],
        "1971 to 2999",
    ),
    "as_of_ts after 2999": (
        {"as_of_ts": "3000-01-01T00:00:00Z"},
        ["as_of_ts"],
        "1971 to 2999",
    ),
    "as_of_ts null": ({"as_of_ts": None}, ["as_of_ts"], "RFC 3339"),
    # freq: 1 minute to 1 day
    "freq in seconds": ({"freq": "30s"}, ["freq"], "must look like"),
    "freq below a minute": ({"freq": "0m"}, ["freq"], "1 minute and 1 day"),
    "freq above a day": ({"freq": "25h"}, ["freq"], "1 minute and 1 day"),
    "freq two days": ({"freq": "P2D"}, ["freq"], "1 minute and 1 day"),
    "freq a bare number": ({"freq": "5"}, ["freq"], "must look like"),
    "freq a month": ({"freq": "P1M"}, ["freq"], "must look like"),
    "freq empty": ({"freq": ""}, ["freq"], "at least 1 character"),
    "freq long": ({"freq": "5" * 16 + "m"}, ["freq"], "at most 16"),
    "freq with a space": ({"freq": "5 m"}, ["freq"], "must look like"),
    "freq with a dotless i": ({"freq": "5m\u0131n"}, ["freq"], "like 5m"),
    "freq with a dotted capital i": ({"freq": "5m\u0130n"}, ["freq"], "like 5m"),
    "freq in other digits": ({"freq": "\u0665m"}, ["freq"], "like 5m"),
    "freq number": ({"freq": 5}, ["freq"], "valid string"),
    # horizon_steps: 1..288
    "horizon_steps 0": ({"horizon_steps": 0}, ["horizon_steps"], "greater than"),
    "horizon_steps 289": ({"horizon_steps": 289}, ["horizon_steps"], "288"),
    "horizon_steps float": ({"horizon_steps": 12.0}, ["horizon_steps"], "integer"),
    "horizon_steps text": ({"horizon_steps": "12"}, ["horizon_steps"], "integer"),
    "horizon_steps bool": ({"horizon_steps": True}, ["horizon_steps"], "integer"),
    # quantiles: 1..99, distinct, in [0.001, 0.999]
    "quantiles empty": ({"quantiles": []}, ["quantiles"], "at least 1 item"),
    "quantiles 100": (
        {"quantiles": [level / 1000 for level in range(1, 101)]},
        ["quantiles"],
        "at most 99 items",
    ),
    "quantiles low": ({"quantiles": [0.5, 0.0009]}, ["quantiles", 1], "0.001"),
    "quantiles high": ({"quantiles": [0.5, 0.9991]}, ["quantiles", 1], "0.999"),
    "quantiles twice": ({"quantiles": [0.5, 0.1, 0.5]}, ["quantiles"], "distinct"),
    "quantiles text": ({"quantiles": ["0.5"]}, ["quantiles", 0], "valid number"),
    "quantiles null inside": ({"quantiles": [None]}, ["quantiles", 0], "valid number"),
    "quantiles one number": ({"quantiles": 0.5}, ["quantiles"], "valid list"),
    # level, instead of quantiles
    "level beside quantiles": (
        {"level": [80], "quantiles": [0.5]},
        ["level"],
        "beside quantiles",
    ),
    "level 0": ({"level": [0]}, ["level", 0], "greater than 0"),
    "level 100": ({"level": [100]}, ["level", 0], "99.8"),
    "level twice": ({"level": [80, 80.0]}, ["level"], "distinct"),
    "level empty": ({"level": []}, ["level"], "at least 1 item"),
    "level 49 of them": ({"level": list(range(1, 50))}, ["level"], "at most 48"),
    # y: 2..20,000 points in [0, 1], oldest first, null where missing
    "y one point": ({"y": [0.5]}, ["y"], "at least 2 items"),
    "y 20,001 points": ({"y": [0.5] * 20_001}, ["y"], "at most 20000 items"),
    "y below 0": ({"y": [0.5, -0.1]}, ["y", 1], "greater than or equal to 0"),
    "y above 1": ({"y": [0.5, 1.0001]}, ["y", 1], "less than or equal to 1"),
    "y text": ({"y": ["0.5", 0.5]}, ["y", 0], "valid number"),
    "y bool": ({"y": [True, 0.5]}, ["y", 0], "valid number"),
    "y nested": ({"y": [[0.5], 0.5]}, ["y", 0], "valid number"),
    "y object": ({"y": {"0": 0.5}}, ["y"], "valid list"),
    "y null": ({"y": None}, ["y"], "valid list"),
    "y all missing": ({"y": [None, None]}, ["y"], "at least one value"),
    "tte_seconds too far": (
        {"as_of_ts": "9999-12-31T00:00:00Z", "tte_seconds": 1e10},
        ["tte_seconds"],
        "reaches too far",
    ),
    # y_ts: one for each point, strictly increasing, ending at as_of_ts
    "y_ts short": ({"y_ts": _THREE_TIMES[1:]}, ["y_ts"], "one time for each point"),
    "y_ts empty": ({"y_ts": []}, ["y_ts"], "one time for each point"),
    "y_ts standing": (
        {"y_ts": [AS_OF_S - 300, AS_OF_S - 300, AS_OF_S]},
        ["y_ts"],
        "strictly increasing",
    ),
    "y_ts falling": (
        {"y_ts": [AS_OF_S - 300, AS_OF_S - 600, AS_OF_S]},
        ["y_ts"],
        "strictly increasing",
    ),
    "y_ts ends early": (
        {"y_ts": [time - 1 for time in _THREE_TIMES]},
        ["y_ts"],
        "end at the time of the last point",
    ),
    "y_ts naive": ({"y_ts": ["2026-02-20T12:00:00"]}, ["y_ts", 0], "offset"),
    "y_ts bool": ({"y_ts": [True, 2, 3]}, ["y_ts", 0], "epoch seconds"),
    "y_ts null inside": ({"y_ts": [None, 2, 3]}, ["y_ts", 0], "epoch seconds"),
    "y_ts negative": ({"y_ts": [-1, 2, 3]}, ["y_ts", 0], "between 0 and"),
    "y_ts in milliseconds": (
        {"y_ts": [time * 1_000 for time in _THREE_TIMES]},
        ["y_ts", 0],
        "epoch seconds",
    ),
    # x_past as long as y; x_future as long as the horizon, every name in x_past
    "x_past short": ({"x_past": {"a": [1, 2]}}, ["x_past", "a"], "each point"),
    "x_past long": ({"x_past": {"a": [1, 2, 3, 4]}}, ["x_past", "a"], "each point"),
    "x_past dotted name": (
        {"x_past": {"a.b": [1, 2]}},
        ["x_past", "a.b"],
        "each point",
    ),
    "x_past null inside": (
        {"x_past": {"a": [1, None, 3]}},
        ["x_past", "a", 1],
        "valid number",
    ),
    "x_past list": ({"x_past": [1, 2, 3]}, ["x_past"], "valid dictionary"),
    "x_past 33 columns": (
        {"x_past": {f"c{number}": [1, 2, 3] for number in range(33)}},
        ["x_past"],
        "at most 32 items",
    ),
    "x_past column of 20,001": (
        {"x_past": {"a": [1] * 20_001}},
        ["x_past", "a"],
        "at most 20000 items",
    ),
    "x_past nameless": (
        {"x_past": {"": [1, 2, 3]}},
        ["x_past", "", "[key]"],
        "at least 1 character",
    ),
    "x_future short": (
        {"horizon_steps": 2, "x_past": {"a": [1, 2, 3]}, "x_future": {"a": [1]}},
        ["x_future", "a"],
        "each step ahead",
    ),
    "x_future without a past": (
        {"horizon_steps": 1, "x_future": {"a": [1]}},
        ["x_future", "a"],
        "known for the past",
    ),
    # transform
    "transform text": ({"transform": "logit"}, ["transform"], "an object"),
    "transform space": (
        {"transform": {"space": "log"}},
        ["transform", "space"],
        "'logit' or 'identity'",
    ),
    "transform eps 0": ({"transform": {"eps": 0}}, ["transform", "eps"], "greater"),
    "transform eps half": (
        {"transform": {"eps": 0.5}},
        ["transform", "eps"],
        "less than 0.5",
    ),
    "transform eps that 1 - eps loses": (
        {"transform": {"eps": 1e-17}},
        ["transform", "eps"],
        "greater",
    ),
    "transform unknown key": (
        {"transform": {"kind": "logit"}},
        ["transform", "kind"],
        "not permitted",
    ),
    # model
    "model text": ({"model": "ewma"}, ["model"], "an object"),
    "model provider": (
        {"model": {"provider": "openai"}},
        ["model", "provider"],
        "'auto', 'tollama', 'embedded' or 'baseline'",
    ),
    "model baseline unknown": (
        {"model": {"provider": "baseline", "model_name": "arima"}},
        ["model", "model_name"],
        "ewma, kalman, rolling_quantile, har",
    ),
    "model name empty": (
        {"model": {"model_name": ""}},
        ["model", "model_name"],
        "at least 1 character",
    ),
    "model version number": (
        {"model": {"model_version": 2}},
        ["model", "model_version"],
        "valid string",
    ),
    "model params list": (
        {"model": {"params": []}},
        ["model", "params"],
        "valid dictionary",
    ),
    "model params deep": (
        {"model": {"params": _DEEP}},
        ["model", "params"],
        "at most 4 deep",
    ),
    "model params many": (
        {"model": {"params": {f"p{number}": 1 for number in range(33)}}},
        ["model", "params"],
        "at most 32 items",
    ),
    "model params number of 300 digits": (
        {"model": {"params": {"seed": 10**300}}},
        ["model", "params"],
        "numbers",
    ),
    "model unknown key": (
        {"model": {"name": "ewma"}},
        ["model", "name"],
        "not permitted",
    ),
    # facts of the market
    "liquidity_bucket": (
        {"liquidity_bucket": "huge"},
        ["liquidity_bucket"],
        "'low', 'mid' or 'high'",
    ),
    "category empty": ({"category": ""}, ["category"], "at least 1 character"),
    "event_id number": ({"event_id": 5}, ["event_id"], "valid string"),
    "closes_at naive": (
        {"closes_at": "2026-02-21T00:00:00"},
        ["closes_at"],
        "offset",
    ),
    "closes_at and tte_seconds": (
        {"closes_at": AS_OF, "tte_seconds": 60},
        ["tte_seconds"],
        "beside closes_at",
    ),
    "tte_seconds negative": ({"tte_seconds": -1}, ["tte_seconds"], "greater"),
    "tte_seconds text": ({"tte_seconds": "60"}, ["tte_seconds"], "valid number"),
    "tte_seconds of a millennium": ({"tte_seconds": 1e11}, ["tte_seconds"], "less"),
    "tick_size 0": ({"tick_size": 0}, ["tick_size"], "greater than 0"),
    "tick_size large": ({"tick_size": 0.51}, ["tick_size"], "0.5"),
    "max_gap_minutes 0": ({"max_gap_minutes": 0}, ["max_gap_minutes"], "greater"),
    "max_gap_minutes large": ({"max_gap_minutes": 1e7}, ["max_gap_minutes"], "less"),
    # unknown keys
    "unknown key": ({"horizon": 5}, ["horizon"], "not permitted"),
    "unknown empty key": ({"": 5}, [""], "not permitted"),
}
