"""How parameters change given a support set; knows nothing of what the network computes."""
