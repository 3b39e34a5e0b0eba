"""The trade with its history, and the session."""

import uuid

from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords


class SignedIn(models.Model):
    """A session, found by the digest of its token."""

    token_sha256 = models.BinaryField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    expires_at = models.DateTimeField()

    class Meta:
        app_label = "django_trades"

    def __str__(self) -> str:
        return str(self.user)


class Trade(models.Model):
    """A trade."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    type = models.TextField()
    side = models.TextField()
    base = models.TextField()
    quote = models.TextField()
    base_amount = models.DecimalField(max_digits=20, decimal_places=2)
    rate = models.DecimalField(max_digits=20, decimal_places=8)
    trade_date = models.DateField()
    value_date = models.DateField()
    counterparty = models.TextField()
    portfolio = models.TextField()
    executed_at = models.DateTimeField()
    side_agreements = models.TextField()
    captured_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    captured_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords()

    class Meta:
        app_label = "django_trades"

    def __str__(self) -> str:
        return str(self.id)
