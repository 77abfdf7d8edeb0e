"""Leduc hold'em: six cards, two players, two rounds of betting."""
