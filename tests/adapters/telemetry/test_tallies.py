"""Our counters and histograms, held against those of prometheus_client."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

from tsfm_runner.adapters.telemetry.tallies import Readout, Spread, Tally

BOUNDS = (0.005, 0.25, 1, 2.5, 10)
names = st.sampled_from(["a", "b", 'odd "name"\n\\'])
values = st.one_of(st.sampled_from(BOUNDS), st.floats(0, 20))


def exposition(registry: CollectorRegistry) -> list[str]:
    """Return what is told, but for when each began."""
    text = generate_latest(registry).decode()
    return [line for line in text.splitlines() if "_created" not in line]


@given(moves=st.lists(st.tuples(names, st.integers(0, 1_000))))
def test_a_tally_reads_like_a_counter(moves: list[tuple[str, int]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = Tally(ours, "moves", "How often.", ("who",))
    counter = Counter("moves", "How often.", ("who",), registry=theirs)

    for name, count in moves:
        tally.counts[name,] += count
        counter.labels(name).inc(count)

    assert exposition(ours) == exposition(theirs)


def test_a_readout_reads_like_a_counter_that_is_kept_elsewhere() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    readout = Readout(ours, "moves", "How often.", ("who",))
    counter = Counter("moves", "How often.", ("who",), registry=theirs)
    empty = exposition(ours), exposition(theirs)

    readout.sources["a",] = lambda: 2.5
    counter.labels("a").inc(2.5)

    assert empty[0] == empty[1]
    assert exposition(ours) == exposition(theirs)


@given(seen=st.lists(st.tuples(names, values)))
def test_a_spread_reads_like_a_histogram(seen: list[tuple[str, float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    spread = Spread(ours, "time", "How long.", ("who",), bounds=BOUNDS)
    histogram = Histogram(
        "time", "How long.", ("who",), buckets=BOUNDS, registry=theirs
    )

    for name, value in seen:
        spread.observe((name,), value)
        histogram.labels(name).observe(value)

    assert exposition(ours) == exposition(theirs)


@given(seen=st.lists(values))
def test_without_labels_both_are_there_from_the_start(seen: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = Tally(ours, "moves", "How often.", ())
    spread = Spread(ours, "time", "How long.", (), bounds=BOUNDS)
    counter = Counter("moves", "How often.", registry=theirs)
    histogram = Histogram("time", "How long.", buckets=BOUNDS, registry=theirs)

    for value in seen:
        tally.counts[()] += 1
        counter.inc()
        spread.observe((), value)
        histogram.observe(value)

    assert exposition(ours) == exposition(theirs)
