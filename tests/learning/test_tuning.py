"""Training on from a model keeps the best that was met, on what it never learned."""

import io
from itertools import islice

import numpy as np
import pytest
from onnx import numpy_helper

torch = pytest.importorskip("torch", reason="the extra `train` is not installed")

from rich.console import Console
from tests.adapters.models.graphs import model_bytes
from tests.learning.sources import small_recipe
from tests.learning.weights import TINY, random_weights

from tsfm_runner.adapters.local_workers import LocalWorkers
from tsfm_runner.errors import TrainingError
from tsfm_runner.learning.batches import Batch, feed
from tsfm_runner.learning.graph import to_graph
from tsfm_runner.learning.loop import Plan, mean_loss
from tsfm_runner.learning.network import Network, network_of
from tsfm_runner.learning.tuning import Tuned, read_network, tune, tuning_plan


def some_batches(n: int, *, first: int) -> list[Batch]:
    with LocalWorkers(1) as workers:
        return list(islice(feed(small_recipe(), first=first, workers=workers), n))


def tuned(plan: Plan, watched: list[Batch]) -> Tuned:
    torch.manual_seed(1)
    with LocalWorkers(1) as workers:
        return tune(
            Network(TINY),
            small_recipe(),
            watched,
            plan,
            workers=workers,
            console=Console(file=io.StringIO()),
            look_every=5,
        )


def test_what_is_kept_is_as_good_as_it_is_said_to_be() -> None:
    watched = some_batches(3, first=90)
    plan = Plan(n_steps=40, warm_up_steps=5, average_memory=0.9)

    found = tuned(plan, watched)

    again = mean_loss(network_of(found.weights), watched, plan.loss)
    assert found.is_finished
    assert (found.n_steps, found.n_windows) == (40, 320)
    assert found.loss == pytest.approx(again)
    assert found.loss < found.loss_before
    assert found.best_step % 5 == 0


def test_a_training_that_only_does_harm_keeps_what_it_began_with() -> None:
    torch.manual_seed(1)
    start = Network(TINY)
    plan = Plan(n_steps=10, peak_rate=50.0, warm_up_steps=1, average_memory=0.0)

    found = tuned(plan, some_batches(2, first=90))

    assert found.best_step == 0
    assert found.loss == found.loss_before
    bias = start.state_dict()["head.bias"].numpy()
    assert (found.weights["head.bias"] == bias).all()


def test_the_plan_is_careful_with_what_was_learned() -> None:
    plan = tuning_plan(n_steps=500, minutes=2)

    assert plan.peak_rate < Plan().peak_rate / 5
    assert plan.progress(250, 0) == plan.progress(0, 60) == 0.5


def test_a_network_is_read_back_from_its_file() -> None:
    weights = random_weights(TINY, seed=4)
    content = to_graph(weights, {}, is_half=False).SerializeToString()

    network = read_network(content, name="mine@1")

    assert np.array_equal(network.state_dict()["mix.bias"], weights["mix.bias"])


def test_a_model_of_another_making_is_not_trained_on() -> None:
    with pytest.raises(TrainingError, match="tiny@1 cannot be trained on"):
        read_network(model_bytes(), name="tiny@1")


def test_a_network_for_other_inputs_is_not_trained_on() -> None:
    graph = to_graph(random_weights(TINY, seed=4), {}, is_half=False)
    [mix] = [one for one in graph.graph.initializer if one.name == "mix.weight"]
    narrow = numpy_helper.to_array(mix)[:, :-1]
    mix.CopyFrom(numpy_helper.from_array(narrow.copy(), "mix.weight"))

    with pytest.raises(TrainingError, match="old@1 cannot be trained on"):
        read_network(graph.SerializeToString(), name="old@1")
