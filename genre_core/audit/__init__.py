"""The audit: four ways in which a score can say more than the network has learnt."""
