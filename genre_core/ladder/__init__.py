"""The ladder: the thesis's protocol with all its faults, then one fault fewer a rung."""
