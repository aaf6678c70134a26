"""Make room for breach signals, and for who has been told of them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables and their indices."""
    op.create_table(
        "signals",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("dedupe_key", sa.Text, nullable=False),
        sa.Column("market_id", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("ts_s", sa.Float, nullable=False),
        sa.Column("closed_at_s", sa.Float),
        sa.Column("decided_at_s", sa.Float),
        sa.Column("recorded_at_s", sa.Float, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("signals_of_breach", "signals", ["dedupe_key", "id"])
    op.create_index("signals_of_market", "signals", ["market_id", "id"])
    op.create_index("signals_by_time", "signals", ["ts_s"])
    op.create_index("signals_by_record", "signals", ["recorded_at_s"])
    op.create_table(
        "deliveries",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("last_signal_id", sa.Integer, nullable=False),
        sa.Column("recorded_at_s", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
