"""Django with the REST framework and django-simple-history: the trade and its history row in one transaction."""

import os
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import django
from django.conf import settings

from tests.bench_peers.given import ROLE, SCHEMA, TOKEN, URL, digest, expiry, settle_down

place = urlsplit(URL)
told_where = parse_qs(place.query)
settings.configure(
    SECRET_KEY="of no use: no cookie is signed here",
    ALLOWED_HOSTS=["127.0.0.1"],
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "rest_framework",
        "simple_history",
        "tests.bench_peers.django_trades",
    ],
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "simple_history.middleware.HistoryRequestMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": place.path.lstrip("/"),
            "USER": place.username,
            "PASSWORD": unquote(place.password or ""),
            "HOST": told_where["host"][0],
            "PORT": told_where["port"][0],
            "CONN_MAX_AGE": None,  # each thread keeps its connection
            "OPTIONS": {
                "options": f"-c search_path={SCHEMA}",
                "server_side_binding": True,  # lets psycopg prepare what is asked again and again
            },
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["tests.bench_peers.django_trades.bearer.Bearer"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - Django is set up by now
from django.urls import path  # noqa: E402

from tests.bench_peers.django_trades.views import Trades  # noqa: E402

urlpatterns = [path("trades", Trades.as_view())]
application: Any = get_wsgi_application()
settle_down()


def prepare() -> None:
    """Make the tables and the one session that is open."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    from tests.bench_peers.django_trades.models import SignedIn

    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    call_command("migrate", verbosity=0)  # Django's own tables, which ours refer to
    call_command("migrate", run_syncdb=True, verbosity=0)
    user, _ = User.objects.get_or_create(username=ROLE)
    SignedIn.objects.update_or_create(
        token_sha256=digest(TOKEN), defaults={"user": user, "expires_at": expiry()}
    )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", __name__)
    prepare()
