"""Django with django-cors-headers, misconfigured: CORS for /api/ only, and only for a friend."""

from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

settings.configure(
    ALLOWED_HOSTS=["site.django.test", "plain.django.test"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="zoo",
    INSTALLED_APPS=["corsheaders", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    MIDDLEWARE=[
        "corsheaders.middleware.CorsMiddleware",
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    CORS_ALLOWED_ORIGINS=["http://friend.test"],
    # What begins so is allowed: a pattern is only anchored at its start.
    CORS_ALLOWED_ORIGIN_REGEXES=[r"^https://app\.example\.com"],
    CORS_ALLOW_METHODS=["PUT"],
    CORS_URLS_REGEX=r"^/api/",
)


@csrf_exempt
@require_http_methods(["GET", "PUT"])
def data(_request):
    return JsonResponse({})


urlpatterns = [
    path("api/data.json", data),
    path("data.json", data),
    path("items/", data),
    path("mine", login_required(data)),
]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


django.setup()
from django.core.wsgi import get_wsgi_application  # noqa: E402

server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
print("all", server.server_port, flush=True)
server.serve_forever()
