"""Tests of plain anatomy as evidence."""
