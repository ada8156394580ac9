"""When a recording counts as clipped: much of it stands at full scale."""

# A sine that just touches full scale stands within 1.5 steps of 16 bits of it for 0.6 % of the
# time: (2 / pi) arccos(1 - 1.5 / 32768). Whatever stays below full scale has less.
CLIPPED_SHARE = 0.01


def describe_clipping(full_scale_share: float) -> str:
    """Say how much of a song is clipped; nothing if it is not.

    Parameters
    ----------
    full_scale_share : float
        Share of the samples of its fragments, all channels counted, at full scale.
    """
    if full_scale_share <= CLIPPED_SHARE:
        return ""
    return (
        f"{full_scale_share:.1%} of the samples of its fragments stand at full scale, above "
        f"{CLIPPED_SHARE:.0%}: the recording is clipped. Its examples count; a better copy would "
        "sound clearer."
    )
