"""Views, subject-disjoint splits and seeded sampling of meta-tasks; knows no networks."""
