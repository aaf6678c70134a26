"""Make the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table and its indices."""
    _make_forecasts()
    _make_outcomes_and_scores()
    _make_states()
    op.create_table(
        "gaps",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("first_forecast_id", sa.Integer, nullable=False),
        sa.Column("last_forecast_id", sa.Integer, nullable=False),
        sa.Column("n_forecasts", sa.Integer, nullable=False),
    )


def _make_forecasts() -> None:
    op.create_table(
        "forecasts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("forecast_id", sa.Text, nullable=False),
        sa.Column("market_id", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text),
        sa.Column("cutoff_s", sa.Float, nullable=False),
        sa.Column("step_s", sa.Integer, nullable=False),
        sa.Column("horizon", sa.Integer, nullable=False),
        sa.Column("awaited_until_s", sa.Float, nullable=False),
        sa.Column("closes_at_s", sa.Float),
        sa.Column("model_name", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("runtime", sa.Text, nullable=False),
        sa.Column("is_shadow", sa.Integer, nullable=False),
        sa.Column("fallback_reason", sa.Text),
        sa.Column("segment", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("state_version", sa.Integer, nullable=False),
        sa.Column("recorded_at_s", sa.Float, nullable=False),
        sa.Column("quantile_levels", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("published", sa.LargeBinary, nullable=False),
        sa.Column("target", sa.LargeBinary, nullable=False),
        sa.Column("scoring", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "answers",
        "forecasts",
        ["id", "market_id", "cutoff_s"],
        sqlite_where=sa.text("is_shadow = 0"),
    )
    op.create_index("forecasts_awaited", "forecasts", ["awaited_until_s"])


def _make_outcomes_and_scores() -> None:
    op.create_table(
        "outcomes",
        sa.Column("ts_s", sa.Float, primary_key=True),
        sa.Column("market_id", sa.Text, primary_key=True),
        sa.Column("y", sa.Float, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("recorded_at_s", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scores",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("market_id", sa.Text, nullable=False),
        sa.Column("ts_s", sa.Float, nullable=False),
        sa.Column("y", sa.Float, nullable=False),
        sa.Column("forecast_ids", sa.Text, nullable=False),
        sa.Column("steps", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("scores_by_time", "scores", ["ts_s", "market_id"])


def _make_states() -> None:
    op.create_table(
        "calibration_states",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("applied_score_id", sa.Integer, nullable=False),
        sa.Column("updated_at_s", sa.Float, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("blob", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "segments",
        sa.Column("model_name", sa.Text, primary_key=True),
        sa.Column("model_version", sa.Text, primary_key=True),
        sa.Column("step_s", sa.Integer, primary_key=True),
        sa.Column("is_shadow", sa.Integer, primary_key=True),
        sa.Column("segment", sa.Text, primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("n_closed", sa.Integer, nullable=False),
        sa.Column("n_open", sa.Integer, nullable=False),
        sa.Column("mean_width", sa.Float),
        sa.Column("mean_interval_score", sa.Float),
        sa.Column("state_id", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
