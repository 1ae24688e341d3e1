"""A published study simulated: its arms, and the figures read off them."""
