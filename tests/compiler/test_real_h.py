"""The functions of `real.h`: as accurate as they say, right at the edges, whole in vector loops."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import mpmath
import numpy as np
import pytest
import torch

import unrolled
from unrolled.runtime.meaning import MEANING

HEADER = Path(unrolled.__file__).parent / "compiler" / "c" / "real.h"
FLAGS = (
    "-O2 -march=native -fno-math-errno -fno-trapping-math -ffp-contract=fast -fopenmp-simd "
    "-fPIC -shared"
).split()
UNARY = "exp log tanh sigmoid softplus sqrt abs relu sin cos".split()
BINARY = ["minimum", "maximum", "pow"]
LOOP = """
void each_{name}(long n, const real *a, const real *b, const real *c, real *y)
{{
    (void)b, (void)c;
    #pragma omp simd
    for (long j = 0; j < n; j++)
        y[j] = real_{name}({operands});
}}
"""
FUSES = """
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
int fuses(void) { return 1; }
#else
int fuses(void) { return 0; }
#endif
"""

BOUNDS = {  # in ulp, of floats and of doubles
    "exp": (1.5, 1.5),
    "log": (1.5, 1.5),
    "sigmoid": (2.5, 3),
    "tanh": (2.5, 3),
    "softplus": (3, 3),
    "sqrt": (0.501, 0.501),
}
TANH_WITHOUT_FUSING = 4.5
TRUTH = {  # of floats, in doubles
    "exp": np.exp,
    "log": np.log,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(x, 0),
    "sqrt": np.sqrt,
}
EXACT = {  # of doubles, in many digits
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "softplus": lambda x: max(x, 0) + mpmath.log1p(mpmath.exp(-abs(x))),
    "sqrt": mpmath.sqrt,
}


class Functions:
    """The functions of one precision, over arrays."""

    def __init__(self, library, dtype):
        self.library, self.dtype, self.fuses = library, dtype, library.fuses()
        self.double = dtype == np.float64

    def __call__(self, name, *operands):
        arrays = [np.ascontiguousarray(operand, self.dtype) for operand in operands]
        result = np.full(arrays[0].size + 1, 7, self.dtype)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (arrays * 3)[:3]]
        function = self.library[f"each_{name}"]
        function(ctypes.c_long(arrays[0].size), *pointers, ctypes.c_void_p(result.ctypes.data))
        assert result[-1] == 7, f"{name} writes past the end"
        return result[:-1]

    def bound(self, name):
        return (
            TANH_WITHOUT_FUSING if name == "tanh" and not self.fuses else BOUNDS[name][self.double]
        )


@pytest.fixture(scope="module", params=[np.float32, np.float64], ids=["float", "double"])
def real(request, tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("no C compiler `cc` here; the lanes of CI have one")
    folder = tmp_path_factory.mktemp("real")
    operands = {**dict.fromkeys(UNARY, "a[j]"), **dict.fromkeys(BINARY, "a[j], b[j]")}
    operands["where"] = "a[j], b[j], c[j]"
    loops = [LOOP.format(name=name, operands=names) for name, names in operands.items()]
    source, built = folder / "each.c", folder / "each.so"
    source.write_text(f'#include "{HEADER}"\n{FUSES}{"".join(loops)}')
    double = ["-DUNROLLED_DOUBLE"] if request.param == np.float64 else []
    subprocess.run(["cc", *FLAGS, *double, source, "-o", built, "-lm"], check=True)
    return Functions(ctypes.CDLL(str(built)), request.param)


def errors(got, name, x):
    """In ulp of the true results, where these are finite."""
    with np.errstate(all="ignore"), mpmath.workprec(150):
        if got.dtype == np.float32:
            near, rest = TRUTH[name](x.astype(np.float64)), 0
        else:
            exact = [EXACT[name](mpmath.mpf(float(value))) for value in x]
            near = np.array([float(value) for value in exact])
            rest = np.array([float(v - float(v)) for v in exact])
        finite = np.abs(near) <= np.finfo(got.dtype).max
        ulp = np.spacing(np.abs(near).astype(got.dtype)).astype(np.float64)
        return np.where(finite, np.abs((got - near) - rest) / ulp, 0)


def arguments(name, dtype):
    """Near 0 and in the middle, out to where results overflow or vanish, and of every size."""
    generator = np.random.default_rng(0)
    count, whole, largest, signed = (
        (500_000, np.uint32, 0x7F7FFFFF, 110) if dtype == np.float32
        else (700, np.uint64, 0x7FEFFFFFFFFFFFFF, 760)
    )  # fmt: skip
    middle = generator.normal(size=count) * 3
    out = np.linspace(-signed, signed, count)
    sizes = generator.integers(0, largest, count, dtype=whole).view(dtype)
    if name in {"log", "sqrt"}:
        return np.concatenate([np.exp(middle / 10), np.abs(middle), sizes]).astype(dtype)
    if dtype == np.float64:  # exact results of huge arguments have too many digits
        sizes = sizes[sizes < 1e4]
    return np.concatenate([middle, out, sizes, -sizes]).astype(dtype)


@pytest.mark.parametrize("name", BOUNDS)
def test_errors_stay_within_the_stated_ulp(real, name):
    x = arguments(name, real.dtype)
    error = errors(real(name, x), name, x)
    worst = int(np.argmax(error))
    assert error[worst] <= real.bound(name), f"at {x[worst]!r}"


@pytest.mark.parametrize("name", BOUNDS)
def test_every_position_of_every_length_is_computed(real, name):
    x = np.linspace(0.1, 4, 40).astype(real.dtype)
    for length in range(41):
        got = real(name, x[:length])
        assert got.shape == (length,)
        assert np.all(errors(got, name, x[:length]) <= real.bound(name)), length


def edges(dtype):
    info = np.finfo(dtype)
    sizes = [0.0, info.smallest_subnormal, 3 * info.smallest_subnormal, info.tiny, 1, 2.5, 40]
    return np.array([np.nan, *(s * v for v in [*sizes, info.max, np.inf] for s in (1, -1))], dtype)


@pytest.mark.parametrize("name", UNARY)
def test_edges_of_one_operand_mean_what_torch_means(real, name):
    x = edges(real.dtype)
    got, wanted = real(name, x), MEANING[name](torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(got, wanted, rtol=4 * np.finfo(real.dtype).eps, atol=0)
    zero = wanted == 0
    np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(wanted[zero]))


@pytest.mark.parametrize("name", BINARY)
def test_edges_of_two_operands_mean_what_torch_means(real, name):
    a, b = (grid.ravel() for grid in np.meshgrid(edges(real.dtype), edges(real.dtype)))
    wanted = MEANING[name](torch.from_numpy(a), torch.from_numpy(b)).numpy()
    np.testing.assert_allclose(real(name, a, b), wanted, rtol=4 * np.finfo(real.dtype).eps, atol=0)


def test_where_takes_the_first_unless_the_condition_is_zero(real):
    condition = np.array([0, -0.0, 1, -2, np.nan, np.inf, np.finfo(real.dtype).smallest_subnormal])
    this, that = np.arange(7), -np.arange(7)
    got = real("where", condition, this, that)
    np.testing.assert_array_equal(got, [0, -1, 2, 3, 4, 5, 6])


def test_results_underflow_by_steps_and_overflow_to_infinity(real):
    least = np.log(2.0) * (-1074 if real.double else -149)  # exp of it is the least number
    smallest = np.finfo(real.dtype).smallest_subnormal
    x = least + np.log([0.4, 0.6, 1, 2, 3, 64])
    for name in ("exp", "sigmoid", "softplus"):
        np.testing.assert_array_equal(real(name, x) / smallest, [0, 1, 1, 2, 3, 64], name)
    top = np.log(float(np.finfo(real.dtype).max))
    got = real("exp", [top - 1e-3, top + 1e-3])
    assert np.isfinite(got[0])
    assert got[1] == np.inf


def test_saturated_results_are_exact_and_never_beyond(real):
    x = np.linspace(0, 60, 20_001)
    assert real("tanh", x).max() == 1
    assert real("tanh", -x).min() == -1
    assert real("sigmoid", x).max() == 1
    np.testing.assert_array_equal(real("tanh", -x), -real("tanh", x))


def test_loading_the_library_leaves_subnormal_numbers_alone(real):
    real("exp", [1.0])
    assert (torch.tensor(1e-40) * 0.5).item() != 0
    assert (torch.tensor(1e-310, dtype=torch.float64) * 0.5).item() != 0
