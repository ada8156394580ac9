"""Kernels of convolutional networks, compared, pruned and at work; what decides a verdict."""
