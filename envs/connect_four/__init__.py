"""Connect Four: four in a row on a board of seven columns and six rows."""
