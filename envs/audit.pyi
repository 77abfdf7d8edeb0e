from typing import Any

from native.game import State

def audit(state: State, action: Any = None) -> list[str]: ...
