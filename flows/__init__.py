"""Flows, each a list of its steps, and the command line that calls them.

Importing them pins what changes numbers, before NumPy and Keras are imported.
"""

from flows.environment import pin_numbers

pin_numbers()
