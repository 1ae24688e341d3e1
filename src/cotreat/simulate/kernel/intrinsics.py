"""Operations that Numba's Python has no word for, each one LLVM instruction."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import binding, ir  # type: ignore[import-untyped, unused-ignore]
from numba import types
from numba.extending import intrinsic

_HAS_FMA = platform.machine() not in ("x86_64", "AMD64") or bool(binding.get_host_cpu_features().get("fma", False))


def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once where the processor can: in software it would be a hundred times slower."""
    return builder.fma(a, b, c) if _HAS_FMA else builder.fadd(builder.fmul(a, b), c)


def _fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return multiply_add(builder, *args)

    return a(a, a, a), write


def _select(typing: Any, p: Any, a: Any, b: Any) -> Any:
    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(args[0], args[1], args[2])

    return a(types.boolean, a, a), write


def _bits(result: Any, kind: Any) -> Any:
    def typed(typing: Any, x: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], kind)

        return result(x), write

    return typed


def _widest_vectors(typing: Any) -> Any:
    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # LLVM halves the vectors of many processors that have 512 bits; the set of known attributes lacks this one
        if platform.machine() in ("x86_64", "AMD64"):
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), write


fma: Any = intrinsic(_fma)
select: Any = intrinsic(_select)
bits_f32: Any = intrinsic(_bits(types.float32, ir.FloatType()))
bits_u32: Any = intrinsic(_bits(types.uint32, ir.IntType(32)))
bits_i32: Any = intrinsic(_bits(types.int32, ir.IntType(32)))
widest_vectors: Any = intrinsic(_widest_vectors)
