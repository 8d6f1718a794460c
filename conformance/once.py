"""A property that is computed once, without the lock that functools' own takes until Python 3.12."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

Value = TypeVar("Value")

if TYPE_CHECKING:
    once = cached_property
else:

    class once(Generic[Value]):  # noqa: N801 - used as a decorator, as `property` is
        """`functools.cached_property`: two threads that ask first compute it both. A run asks for 30 of each answer."""

        def __init__(self, compute: Callable[[Any], Value]) -> None:
            self._compute = compute
            self.__doc__ = compute.__doc__

        def __set_name__(self, _owner: type, name: str) -> None:
            self._name = name

        def __get__(self, instance: Any, _owner: type | None = None) -> Any:
            if instance is None:
                return self
            value = instance.__dict__[self._name] = self._compute(instance)
            return value
