"""Operators and constants, one after another -> the nodes and the weights of an ONNX graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn


class GraphBuilder:
    """Nodes and weights, and the names of what they make."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Adds a node; returns the name of its first output."""
        from onnx import helper

        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name: str, values: Tensor | np.ndarray) -> str:
        """Adds a constant; returns its name."""
        from onnx import numpy_helper

        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        self.weights.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def concat(self, parts: Sequence[str]) -> str:
        """Joins arrays along their last axis."""
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=-1)

    def linear(self, name: str, x: str, layer: nn.Linear) -> str:
        """W x + b."""
        product = self.add("MatMul", x, self.weight(f"{name}.W", layer.weight.T))
        return self.add("Add", product, self.weight(f"{name}.b", layer.bias))
