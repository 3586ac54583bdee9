"""The texts that the bot's code gives to a Wording, read from its syntax trees.

A Wording is: a parameter, variable or field annotated as one, what is assigned or looped from one,
what `wording(...)` returns, an attribute `.wording`, and `say` in a lambda. Constants passed by
name are followed to their literals, through imports too. Nothing is imported or run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Text:
    """One text: its English form, the form for several where it counts, and where it stands."""

    one: str
    several: str | None
    file: str
    line: int


class UnreadableError(Exception):
    """A text that is neither a literal nor a constant, so that nobody could translate it."""


@cache
def texts() -> tuple[Text, ...]:
    """Every text of the bot, in the order of its files. Raises UnreadableError."""
    return tuple(text for path in sorted((ROOT / "bot").rglob("*.py")) for text in texts_of(path))


def texts_of(path: Path) -> Iterator[Text]:
    """The texts of one module. Raises UnreadableError."""
    tree = _parsed(path)
    fields = {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and _annotated(node.annotation)
    }
    yield from _of_scope(tree, path, frozenset(), frozenset({"wording", *fields}))


def _of_scope(
    scope: ast.AST, path: Path, outer: frozenset[str], fields: frozenset[str]
) -> Iterator[Text]:
    """The texts of a function or module, and of the functions in it, which see its names."""
    nodes = list(_own(scope))
    names = set(outer)
    if isinstance(scope, Function):
        names |= set(_parameters(scope))
    for node in nodes:
        names |= set(_named(node, names, fields))
    for node in nodes:
        if isinstance(node, Function):
            yield from _of_scope(node, path, frozenset(names), fields)
        elif isinstance(node, ast.Call) and node.args:
            yield from _of_call(node, path, names, fields)


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """What is in a scope, in the order of its lines, without what is in the functions in it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, Function):
            yield from _own(child)


def _parameters(function: Function) -> Iterator[str]:
    arguments = function.args
    for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        menu_line = isinstance(function, ast.Lambda) and each.arg == "say"
        if menu_line or (each.annotation is not None and _annotated(each.annotation)):
            yield each.arg


def _annotated(annotation: ast.expr) -> bool:
    return any(isinstance(n, ast.Name) and n.id == "Wording" for n in ast.walk(annotation))


def _named(node: ast.AST, names: set[str], fields: frozenset[str]) -> Iterator[str]:
    """The names that a statement binds to a Wording."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        if _annotated(node.annotation):
            yield node.target.id
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _bound(target, node.value, names, fields)
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        # What is looped over has no annotation of its own: `say` is what we call a Wording.
        looped = (n for n in ast.walk(node.target) if isinstance(n, ast.Name))
        yield from (name.id for name in looped if name.id == "say")


def _bound(
    target: ast.expr, value: ast.expr, names: set[str], fields: frozenset[str]
) -> Iterator[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for inner, part in zip(target.elts, value.elts, strict=True):
            yield from _bound(inner, part, names, fields)
    elif isinstance(target, ast.Name) and _is_wording(value, names, fields):
        yield target.id


def _is_wording(node: ast.expr, names: set[str], fields: frozenset[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Attribute):
        return node.attr in fields
    if isinstance(node, ast.BoolOp):
        return any(_is_wording(value, names, fields) for value in node.values)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "wording" and "wording" not in names  # the factory
    return False


def _of_call(call: ast.Call, path: Path, names: set[str], fields: frozenset[str]) -> Iterator[Text]:
    spoken, counts = call.func, False
    if isinstance(spoken, ast.Attribute) and spoken.attr == "many":
        spoken, counts = spoken.value, True
    if not _is_wording(spoken, names, fields):
        return
    file = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
    ones = _literals(call.args[0], path)
    severals = _literals(call.args[1], path) if counts else [None] * len(ones)
    for one, several in zip(ones, severals, strict=True):
        yield Text(one, several, file, call.lineno)


def _literals(node: ast.expr, path: Path) -> list[str]:
    """What an expression may say: a literal, either side of a choice, or what a name stands for."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_literals(node.body, path), *_literals(node.orelse, path)]
    if isinstance(node, ast.Name):
        return _constant(node.id, path)
    raise UnreadableError(f"{path}:{node.lineno}: {ast.unparse(node)}")


def _constant(name: str, path: Path) -> list[str]:
    """What a module's constant stands for, in this module or the one that it is imported from."""
    for node in _parsed(path).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(each, ast.Name) and each.id == name for each in targets):
                return _literals(node.value, path)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for each in node.names:
                if (each.asname or each.name) == name:
                    return _constant(
                        each.name, (ROOT / node.module.replace(".", "/")).with_suffix(".py")
                    )
    raise UnreadableError(f"{path}: {name} is no constant")


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))
