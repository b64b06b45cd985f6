"""What the markers of tests say, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from tools.documents import ROOT


def marked(marker: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """(a test as pytest names it, the arguments) of each `@pytest.mark.<marker>(…)`, by file and then as they stand."""
    for path in sorted(ROOT.glob("tests/**/test_*.py")):
        text = path.read_text()
        if f"mark.{marker}(" not in text:
            continue
        for name, function in _tests(ast.parse(text)):
            for arguments in _arguments(function, marker):
                yield f"{path.relative_to(ROOT)}::{name}", arguments


def _tests(module: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test_"):
                    yield f"{node.name}::{inner.name}", inner


def _arguments(function: ast.FunctionDef, marker: str) -> Iterator[tuple[Any, ...]]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{marker}":
            yield tuple(ast.literal_eval(argument) for argument in decorator.args)
