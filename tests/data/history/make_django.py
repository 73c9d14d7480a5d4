"""Makes `simple_history.csv` and `auditlog.csv` beside this file, by django-simple-history and django-auditlog themselves.

Run in an environment that has both: `pip install django django-simple-history django-auditlog`, then `python make_django.py`.
"""

# mypy: ignore-errors
import csv
from decimal import Decimal
from pathlib import Path

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "simple_history", "auditlog"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    SECRET_KEY="none",
)
django.setup()

from auditlog.registry import auditlog  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402
from simple_history.models import HistoricalRecords  # noqa: E402

HERE = Path(__file__).parent


class Order(models.Model):
    status = models.CharField(max_length=20)
    customer = models.CharField(max_length=20, null=True)
    total = models.DecimalField(max_digits=10, decimal_places=2)
    history = HistoricalRecords()

    class Meta:
        app_label = "auth"
        db_table = "shop_order"


class Invoice(models.Model):
    status = models.CharField(max_length=20)
    customer = models.CharField(max_length=20, null=True)
    total = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        app_label = "auth"
        db_table = "shop_invoice"


auditlog.register(Invoice)
call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    for model in (Order, Order.history.model, Invoice):
        editor.create_model(model)


def live(model):
    first = model.objects.create(status="open", total=Decimal("21.00"))
    second = model.objects.create(status="open", customer="13047", total=Decimal("4.50"))
    first.customer = "17850"
    first.status = "paid"
    first._change_reason = "webhook"
    first.save()
    second.delete()
    first.save()  # a save that changes nothing
    first.total = Decimal("12.00")
    first.save()


def export(query, name):
    with connection.cursor() as cursor, (HERE / name).open("w", newline="") as file:
        cursor.execute(query)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column[0] for column in cursor.description])
        writer.writerows(cursor.fetchall())


live(Order)
live(Invoice)
export(f"SELECT * FROM {Order.history.model._meta.db_table} ORDER BY history_id", "simple_history.csv")
export(
    "SELECT l.id, c.model, l.object_pk, l.action, l.changes, l.timestamp, l.actor_id, l.cid FROM auditlog_logentry l "
    "JOIN django_content_type c ON c.id = l.content_type_id ORDER BY l.id",
    "auditlog.csv",
)
