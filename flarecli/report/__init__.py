"""A report over many segmented scans, from their records, label maps and previews; no network is run."""
