"""Architectures of the thesis and beyond, one module a family; `registry` lists them."""
