"""All claims judged, each by its own rule."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from genre_core.claims import networks, studies
from genre_core.claims.evidence import Evidence
from genre_core.claims.findings import Finding, Part

RULES: Mapping[str, Callable[[Evidence], list[Part]]] = MappingProxyType(
    {
        "C1": networks.judge_dense,
        "C2": networks.judge_tanh,
        "C3": networks.judge_recurrent,
        "C4": networks.judge_gated,
        "C5": networks.judge_convolutional,
        "C6": studies.judge_kernel_counts,
        "C7": networks.judge_combined,
        "C8": networks.judge_lengths,
        "C9": studies.judge_ballad,
        "C10": studies.judge_loudness,
        "C11": studies.judge_aggregation,
        "C12": studies.judge_pruning,
    }
)


def judge_claims(evidence: Evidence) -> list[Finding]:
    """Judge every claim by its rule, in order."""
    return [
        Finding(claim_id=claim_id, parts=tuple(rule(evidence))) for claim_id, rule in RULES.items()
    ]
