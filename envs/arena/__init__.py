"""Arena: players with guns on a plane, seven action heads each, the last one standing wins."""
