"""Who calls: a bearer token, looked up by its digest."""

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from tests.bench_peers.django_trades.models import SignedIn
from tests.bench_peers.given import digest


class Bearer(BaseAuthentication):
    """One query finds session and user."""

    def authenticate(self, request: Any) -> tuple[Any, SignedIn]:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        query = SignedIn.objects.select_related("user")
        found = query.filter(token_sha256=digest(token), expires_at__gt=timezone.now()).first()
        if found is None:
            raise AuthenticationFailed
        return found.user, found

    def authenticate_header(self, _request: Any) -> str:
        return "Bearer"
