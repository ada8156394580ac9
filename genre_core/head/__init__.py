"""The head: a linear classifier on embeddings, with the tags of the embedding as a prior."""
