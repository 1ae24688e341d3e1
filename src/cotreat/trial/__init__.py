"""Arms side by side (compare), and a published study predicted (predict)."""
