"""Tests of Razzle Dazzle."""
