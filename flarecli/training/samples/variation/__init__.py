"""Real scans changed at random: another contrast phase, posture, acquisition, or window of intensities."""
