"""How generated people are drawn, feel, rate, and show it in their signals; one file per part of the body."""
