"""YAML as a clinical file needs it: no key twice, no aliases."""

from __future__ import annotations

from typing import Any

import yaml


class UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, which would silently drop a fact, and any alias."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node; an alias is refused, for it can unfold to more than memory holds."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not used here", problem_mark=self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping in which every key stands once."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            if isinstance(key_node.value, str) and key_node.value in seen:
                problem = f"{key_node.value!r} is given twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            if isinstance(key_node.value, str):
                seen.add(key_node.value)
        return dict(super().construct_mapping(node, deep=deep))
