"""Command morning: the page of the last night."""

from flows.cli.app import OUT, AsJson, Home, app, print_json
from flows.settings import read_line_config


@app.command()
def morning(home: Home = None, as_json: AsJson = False) -> None:
    """Write the page of the last night: what came in, what changed, what is to be decided.

    Example: [bold]genreflow morning[/bold]
    """
    config = read_line_config(home=home)
    from tasks.morning import make_morning_page

    page = make_morning_page(config.layout)
    if as_json:
        print_json(page.as_document())
        return
    OUT.print(page.headline, soft_wrap=True, highlight=False, markup=False)
    for item in page.to_do:
        OUT.print(f"- {item}", soft_wrap=True, highlight=False, markup=False)
    OUT.print(f"The page is {page.page}", soft_wrap=True, highlight=False, markup=False)
