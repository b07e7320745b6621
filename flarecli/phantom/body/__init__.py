"""The trunk around the organs: landmarks, body wall, skeleton, and what lies outside it."""
