/* The functions of numbers that a cell's lines call, in loops that the compiler vectorises.
 *
 * They have no branches, keep subnormal numbers, and are right at NaN, infinities and zeros, but
 * in IEEE arithmetic only: never compile with -ffast-math. An error beside a function is the
 * largest one measured, in units in the last place (ulp), of a float / of a double.
 * bench/derive_math.py derives the constants; tests/compiler/test_real_h.py measures the errors.
 *
 * The exponentials are one idea. Let x = n log(2) + r with n whole, |r| <= log(2) / 2. Then
 *     exp(x) = 2^n exp(r),    exp(r) = (c + r) / (c - r),    c = r coth(r / 2),
 * where c is even in r, has no pole near, and so takes few powers of r * r: two, in a float. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
/* gcc would carry the bounds of a clamped number on through the function: 15 % slower. */
#pragma GCC optimize("no-thread-jumps")
#endif

#ifdef UNROLLED_DOUBLE
typedef double real;
typedef uint64_t bits;
#define LIBM(name) name
enum { MANTISSA = 52, BIAS = 1023, LIFT = 64 };
static const real EXP_IS_ZERO = -746, EXP_IS_INFINITE = 710, LEAST_NORMAL = 0x1p-1022;
static const real LN2_HIGH = 0x1.62e42fefa38p-1, LN2_LOW = 0x1.ef35793c7673p-45;
static const real COTH[] = {
    0x1.555555555553ep-3, -0x1.6c16c16bebc89p-9, 0x1.1566aaf241fa6p-14,
    -0x1.bbd41c3c96aa3p-20, 0x1.637693e2626fep-25,
};
static const real ATANH[] = {
    0x1.5555555555592p-1, 0x1.999999997ffa3p-2, 0x1.24924941d603cp-2, 0x1.c71c521f189dap-3,
    0x1.74663a8a5e907p-3, 0x1.39a228bd5a98ep-3, 0x1.2f012aeda3b82p-3,
};
#else
typedef float real;
typedef uint32_t bits;
#define LIBM(name) name##f
enum { MANTISSA = 23, BIAS = 127, LIFT = 32 };
static const real EXP_IS_ZERO = -104, EXP_IS_INFINITE = 89, LEAST_NORMAL = 0x1p-126f;
static const real LN2_HIGH = 0x1.62e4p-1f, LN2_LOW = 0x1.7f7d1cp-20f;
static const real COTH[] = {0x1.55551ep-3f, -0x1.6aa3e0p-9f};
static const real ATANH[] = {0x1.55557ap-1f, 0x1.995ed8p-2f, 0x1.31e038p-2f};
#endif

static const real LN2 = (real)0x1.62e42fefa39efp-1, LOG2_E = (real)0x1.71547652b82fep+0;
static const real SQRT_HALF = (real)0x1.6a09e667f3bcdp-1;
static const real SIGMOID_IS_ONE = 60, TANH_IS_ONE = 24;

/* Added to a number, it rounds it to a whole one n, and n + BIAS stands in the sum's last bits. */
static const real ROUNDER = (real)((bits)3 << (MANTISSA - 1)) + BIAS;

static inline bits bits_of(real x)
{
    bits b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline real from_bits(bits b)
{
    real x;
    memcpy(&x, &b, sizeof x);
    return x;
}

/* 2^n from n + ROUNDER: its last bits, moved to where the exponent stands. */
static inline real power_of_two(real rounded) { return from_bits(bits_of(rounded) << MANTISSA); }

/* NaN stays NaN: it is neither below nor above. */
static inline real clamp(real x, real low, real high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* c / s = (r / s) coth(r / 2), of z = (r / s)^2. The powers of s, a constant, cost nothing. */
static inline real coth_of(real z, real s)
{
    const real s2 = s * s, s3 = s * s2;
#ifdef UNROLLED_DOUBLE
    const real s5 = s3 * s2, s7 = s5 * s2, s9 = s7 * s2;
    const real tail = s5 * COTH[2] + z * (s7 * COTH[3] + z * (s9 * COTH[4]));
    return 2 / s + z * (s * COTH[0] + z * (s3 * COTH[1] + z * tail));
#else
    return 2 / s + z * (s * COTH[0] + z * (s3 * COTH[1]));
#endif
}

/* exp(x), scaled last, so that only the last rounding can be a subnormal one. 2^n is made of two
 * powers, as it alone can be too large or too small to be a number; `lift` has the sign of -n. */
static inline real exp_lifted(real x, real lift)
{
    const real n = (x * LOG2_E + ROUNDER) - ROUNDER;
    const real r = (x - n * LN2_HIGH) - n * LN2_LOW; /* n * LN2_HIGH is exact */
    const real exp_r = 1 + (r + r) / (coth_of(r * r, 1) - r);
    return exp_r * power_of_two(n + lift + ROUNDER) * power_of_two(ROUNDER - lift);
}

/* 1.4 / 1.4 ulp, subnormal results too. */
static inline real real_exp(real x)
{
    return exp_lifted(clamp(x, EXP_IS_ZERO, EXP_IS_INFINITE), x < 0 ? LIFT : -LIFT);
}

/* 1 / (1 + exp(-x)) = (c + r) / (c + r + 2^n (c - r)) for x = r - n log(2). Both sides are times
 * 2^-LIFT: where the result is subnormal, 2^n alone is no number any more. 2.5 / 2.4 ulp. */
static inline real real_sigmoid(real x)
{
    x = clamp(x, EXP_IS_ZERO, SIGMOID_IS_ONE);
    const real rounded = (ROUNDER - LIFT) - x * LOG2_E;
    const real n = rounded - (ROUNDER - LIFT);
    const real r = (x + n * LN2_HIGH) + n * LN2_LOW;
    const real c = coth_of(r * r, 1);
    const real upper = (c + r) * power_of_two(ROUNDER - LIFT);
    return upper / (upper + power_of_two(rounded) * (c - r));
}

/* Let r and c be half of those above: 2 x = n log(2) + 2 r and tanh(r) = r / c, whence tanh(x) by
 * the addition theorem. Near 0 it is r / c, so that the smallest x are right (and, by 1 - t, the
 * sign of 0); far off, a quotient of equals. One part of log(2) is enough, as n is small. As tr
 * stands alone, what compilers fuse with its sum is the larger product: 2.5 / 2.5 ulp, and 4.4 on
 * a machine that cannot fuse. */
static inline real real_tanh(real x)
{
    x = clamp(x, -TANH_IS_ONE, TANH_IS_ONE);
    const real rounded = x * (2 * LOG2_E) + ROUNDER;
    const real n = rounded - ROUNDER;
    const real r = x - n * (LN2 / 2);
    const real c = coth_of(r * r, 2), t = power_of_two(rounded), tr = t * r;
    return ((tr + r) - (1 - t) * c) / ((tr - r) + (1 + t) * c);
}

/* n log(2) + log(1 + f) for 1 + f from sqrt(1/2) to sqrt(2). With s = f / (2 + f), it is
 * 2 atanh(s) = f - (h - s (h + tail)), h = f f / 2: f is exact, and the rest small beside it. */
static inline real log_sum(real n, real f)
{
    const real s = f / (2 + f), h = f * f / 2, z = s * s;
#ifdef UNROLLED_DOUBLE
    const real high = ATANH[3] + z * (ATANH[4] + z * (ATANH[5] + z * ATANH[6]));
    const real tail = z * (ATANH[0] + z * (ATANH[1] + z * (ATANH[2] + z * high)));
#else
    const real tail = z * (ATANH[0] + z * (ATANH[1] + z * ATANH[2]));
#endif
    return n * LN2_HIGH + (f - (h - (s * (h + tail) + n * LN2_LOW)));
}

/* x = 2^n (1 + f), read from the bits of x, or of 2^LIFT x if x is subnormal. 0.9 / 0.9 ulp. */
static inline real real_log(real x)
{
    const real lift = x < LEAST_NORMAL ? LIFT : 0;
    const real lifted = x * power_of_two(ROUNDER + lift);
    const bits one = (bits)1 << MANTISSA, root = bits_of(SQRT_HALF);
    const bits b = bits_of(lifted) + (bits_of(1) - root);
    const real whole = (real)one;
    const real n = from_bits(bits_of(whole) | (b >> MANTISSA)) - (whole + BIAS) - lift;
    const real y = log_sum(n, from_bits((b & (one - 1)) + root) - 1);
    const real edge = x == 0 ? -(real)INFINITY : x < 0 ? (real)NAN : x;
    return ((x > 0) & (x < (real)INFINITY)) ? y : edge;
}

/* log(1 + exp(x)) = max(x, 0) + log(1 + e), e = exp(-|x|); a large 1 + e is halved for log_sum.
 * 1.8 / 1.8 ulp. */
static inline real real_softplus(real x)
{
    const real a = LIBM(fabs)(x);
    const real e = exp_lifted(a > -EXP_IS_ZERO ? EXP_IS_ZERO : -a, LIFT);
    const real n = 1 + e > 2 * SQRT_HALF ? 1 : 0;
    return (x > 0 ? x : 0) + log_sum(n, n != 0 ? (e - 1) / 2 : e);
}

static inline real real_sqrt(real x) { return LIBM(sqrt)(x); }
static inline real real_abs(real x) { return LIBM(fabs)(x); }

/* The next three hand on NaN, wherever it stands. */
static inline real real_relu(real x) { return x < 0 ? 0 : x; }
static inline real real_minimum(real a, real b) { return ((b < a) | (b != b)) ? b : a; }
static inline real real_maximum(real a, real b) { return ((b > a) | (b != b)) ? b : a; }

static inline real real_where(real c, real a, real b) { return c != 0 ? a : b; }

/* Rare in cells, so left to the C library, one number after the other. */
static inline real real_sin(real x) { return LIBM(sin)(x); }
static inline real real_cos(real x) { return LIBM(cos)(x); }
static inline real real_pow(real x, real y) { return LIBM(pow)(x, y); }
