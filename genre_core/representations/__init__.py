"""Representations of a fragment, one module each; `registry` lists them."""
