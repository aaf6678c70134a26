"""Write down so many signals, and tell an endpoint of all until killed.

Arguments: the file of the ledger, the address of the endpoint, how many signals.
"""

import asyncio
import sys
import time
from pathlib import Path

from tests.service.signals_told import breach_signal

from tsfm_runner.adapters.ledger import open_ledger
from tsfm_runner.adapters.model_registry import load_registry
from tsfm_runner.bootstrap.tools import silent_tools
from tsfm_runner.bootstrap.webhooks import delivering
from tsfm_runner.config import Settings
from tsfm_runner.service.feed import Feed


def settings_of(ledger: Path, url: str, **changes: object) -> Settings:
    """Return settings with one endpoint that is tried again at once."""
    endpoint = {"url": url, "first_backoff_s": 0.01, "longest_backoff_s": 0.02}
    return Settings.model_validate(
        {
            "store": {"url": f"sqlite:///{ledger}"},
            "webhooks": {
                "endpoints": {"alerts": endpoint | changes},
                "secrets": {"alerts": "a-secret-long-enough"},
                "dead_letter_file": str(ledger.with_name("dead.jsonl")),
            },
        }
    )


async def main(ledger: str, url: str, n_signals: str) -> None:
    settings, feed = settings_of(Path(ledger), url), Feed()
    registry = load_registry(None, "dev")
    tools = silent_tools(settings, registry, time.monotonic, time.time, "keep")
    with open_ledger(settings.store, tell=lambda _: None) as opened:
        async with delivering(settings.webhooks, ledger=opened, feed=feed, tools=tools):
            for number in range(1, int(n_signals) + 1):
                opened.append([breach_signal(number, recorded_at_s=time.time())])
            feed.signal(breach_signal(1))
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
