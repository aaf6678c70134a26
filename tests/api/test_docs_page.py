import shutil
import subprocess
from pathlib import Path

import pytest
from tests.cli.processes import serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-quic", "--virtual-time-budget=10000"),
)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_draws_every_route_from_this_machine_alone(tmp_path: Path) -> None:
    with serving() as served:
        drawn = subprocess.run(  # noqa: S603 - the browser that stands on the PATH
            [
                str(CHROMIUM),
                *QUIET,
                f"--user-data-dir={tmp_path}",
                "--dump-dom",
                f"{served.url}/docs",
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout

    for summary in ("Forecast one market", "Forecast many markets", "List the models"):
        assert summary in drawn
