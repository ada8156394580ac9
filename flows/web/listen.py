"""Listen: drop a song, see its genre and how often such a prediction is right."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from flows.web.pages import show_page

router = APIRouter(include_in_schema=False)


@router.get("/")
def listen(request: Request) -> HTMLResponse:
    """Show the page with the drop zone."""
    return show_page(request, "listen.html", {"page": "listen"})
