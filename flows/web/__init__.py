"""The page of genreflow: `genreflow web` serves it on this machine, or to a team with a password.

Open the modules in this order: `app.py` puts the parts together, `state.py` is what they share,
`safety.py` decides which requests are answered, `pages.py` fills templates; then one module a page.
"""
