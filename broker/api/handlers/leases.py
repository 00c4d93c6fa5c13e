"""Being written."""

from broker.api.routes import Route

ROUTES: list[Route] = []
