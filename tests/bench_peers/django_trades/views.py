"""The one view: a trade comes in."""

from django.db import transaction
from rest_framework.generics import CreateAPIView
from rest_framework.serializers import BaseSerializer, ModelSerializer

from tests.bench_peers.django_trades.models import Trade


class TradeSerializer(ModelSerializer):
    """The fields as they come in, and what the answer adds."""

    class Meta:
        model = Trade
        exclude = ("captured_by",)
        read_only_fields = ("id", "captured_at")


class Trades(CreateAPIView):
    """Store a trade and its history row, or neither."""

    serializer_class = TradeSerializer

    @transaction.atomic
    def perform_create(self, serializer: BaseSerializer) -> None:
        serializer.save(captured_by=self.request.user)
