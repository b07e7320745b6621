"""The four organs: where their shapes come from (procedural, label maps), atrophy, and what lies inside them."""
