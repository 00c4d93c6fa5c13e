"""What a person or a tool reads about the API."""

from broker.api.routes import Route

ROUTES: list[Route] = []
