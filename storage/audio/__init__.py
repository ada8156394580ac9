"""Audio files: what they are, decoding, conversion to WAV."""
