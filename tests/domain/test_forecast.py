from tests.service.builders import service, task


async def test_a_forecast_without_reason_is_no_fallback() -> None:
    [full, short] = await service().forecast_many(
        [task(), task([0.4, 0.5])], deadline_s=1
    )

    assert not full.provenance.is_fallback  # type: ignore[union-attr]
    assert short.provenance.is_fallback  # type: ignore[union-attr]
