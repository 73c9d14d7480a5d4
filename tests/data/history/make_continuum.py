"""Makes `continuum.csv` beside this file, by SQLAlchemy-Continuum itself.

Run in an environment that has it: `pip install sqlalchemy sqlalchemy-continuum`, then `python make_continuum.py`.
"""

# mypy: ignore-errors
import csv
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session, declarative_base
from sqlalchemy_continuum import make_versioned

make_versioned(user_cls=None)
Base = declarative_base()


class Order(Base):
    __versioned__ = {}
    __tablename__ = "shop_order"
    id = sa.Column(sa.Integer, primary_key=True)
    status = sa.Column(sa.String)
    customer = sa.Column(sa.String)
    total = sa.Column(sa.Numeric(10, 2))


sa.orm.configure_mappers()
engine = sa.create_engine("sqlite://")
Base.metadata.create_all(engine)
with Session(engine) as session:
    first, second = Order(status="open", total=21), Order(status="open", customer="13047", total=4.5)
    session.add_all([first, second])
    session.commit()
    first.customer, first.status = "17850", "paid"
    session.commit()
    session.delete(second)
    session.commit()
    first.total = 12
    session.commit()
with engine.connect() as connection, (Path(__file__).parent / "continuum.csv").open("w", newline="") as file:
    found = connection.exec_driver_sql(
        'SELECT v.*, t.issued_at, t.remote_addr FROM shop_order_version v JOIN "transaction" t ON t.id = v.transaction_id '
        "ORDER BY v.transaction_id, v.id"
    )
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(found.keys())
    writer.writerows(found.fetchall())
