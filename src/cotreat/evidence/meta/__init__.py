"""Meta-analysis: effects of single studies, the random-effects model, its checks, and questions put to the base."""
