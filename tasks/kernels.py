"""Kernels: accuracy by their number, their likeness, and networks pruned of the needless ones."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from prefect import task

from genre_core.errors import GenreflowError
from genre_core.figures.scales import scales_of
from genre_core.kernels.counts import CountCourse, levels_between
from genre_core.kernels.similarity import Likeness, likeness_between, likeness_within
from genre_core.networks.registry import KERNEL_COUNTS
from genre_core.records import Split
from genre_core.training_rules import TrainingConfig
from storage.catalog.latest import read_latest_snapshot
from storage.catalog.runs import Run
from storage.layout import DataLayout
from tasks.keras_import import import_training
from tasks.splits import split_examples
from tasks.studies import Study, keep, keep_document, load_run
from tasks.train import Cell
