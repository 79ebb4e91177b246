/* Products of packed weights with a few rows, tiled so that the sums stay in registers.
 *
 * A packed matrix lies in panels of PANEL of its results: for each k the weights that v[k] meets,
 * side by side, zeros where the last panel is not full. Of algebra.c alone. */

#if defined(__AVX512F__)
enum { BYTES = 64, VECTORS = 4 };
#elif defined(__AVX__)
enum { BYTES = 32, VECTORS = 2 };
#elif defined(__ARM_NEON)
enum { BYTES = 16, VECTORS = 4 };
#else
enum { BYTES = 16, VECTORS = 2 };
#endif
enum { LANES = BYTES / sizeof(real), PANEL = VECTORS * LANES, TILE = 6 };

typedef real lanes __attribute__((vector_size(BYTES)));
typedef real lanes_anywhere __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));

static inline lanes load(const real *from) { return *(const lanes_anywhere *)from; }
static inline void store(real *to, lanes values) { *(lanes_anywhere *)to = values; }

/* gcc would read the weights again for each row, straight into the multiplication. */
#if defined(__x86_64__)
#define IN_REGISTER(lanes) __asm__("" : "+x"(lanes))
#elif defined(__aarch64__)
#define IN_REGISTER(lanes) __asm__("" : "+w"(lanes))
#else
#define IN_REGISTER(lanes) (void)0
#endif
#define FIXED _Pragma("GCC unroll 16") for

/* What the weights of one k add to each row's sums. */
#define ADD(ROWS, SUM, V, WEIGHTS)                                                                \
    do {                                                                                          \
        lanes w[VECTORS];                                                                         \
        FIXED(int n = 0; n < VECTORS; n++) {                                                      \
            w[n] = load((WEIGHTS) + n * LANES);                                                   \
            IN_REGISTER(w[n]);                                                                    \
        }                                                                                         \
        FIXED(int r = 0; r < ROWS; r++)                                                           \
            FIXED(int n = 0; n < VECTORS; n++)                                                    \
                (SUM)[r][n] += (V)[r * v_stride] * w[n];                                          \
    } while (0)

/* One panel for ROWS rows: out += v @ panel, or out = v @ panel if `onto` is 0. Few rows would wait
 * for each other's sums, so those have CHAINS sums for each result, one for every CHAINS-th k. */
#define TILE_OF(ROWS, CHAINS)                                                                     \
    static __attribute__((noinline)) void tile_##ROWS(                                            \
        real *out, long out_stride, const real *v, long v_stride, long v_step, const real *panel, \
        long K, int onto)                                                                         \
    {                                                                                             \
        lanes sum[CHAINS][ROWS][VECTORS] = {0};                                                   \
        if (onto)                                                                                 \
            FIXED(int r = 0; r < ROWS; r++)                                                       \
                FIXED(int n = 0; n < VECTORS; n++)                                                \
                    sum[0][r][n] = load(out + r * out_stride + n * LANES);                        \
        long k = 0;                                                                               \
        for (; k + CHAINS <= K; k += CHAINS, v += CHAINS * v_step, panel += CHAINS * PANEL)       \
            FIXED(int c = 0; c < CHAINS; c++)                                                     \
                ADD(ROWS, sum[c], v + c * v_step, panel + c * PANEL);                             \
        for (; k < K; k++, v += v_step, panel += PANEL)                                           \
            ADD(ROWS, sum[0], v, panel);                                                          \
        FIXED(int r = 0; r < ROWS; r++)                                                           \
            FIXED(int n = 0; n < VECTORS; n++) {                                                  \
                FIXED(int c = 1; c < CHAINS; c++)                                                 \
                    sum[0][r][n] += sum[c][r][n];                                                 \
                store(out + r * out_stride + n * LANES, sum[0][r][n]);                            \
            }                                                                                     \
    }
TILE_OF(1, 4)
TILE_OF(2, 3)
TILE_OF(3, 2)
TILE_OF(4, 1)
TILE_OF(5, 1)
TILE_OF(6, 1)

static inline void full_tile(
    long rows, real *out, long out_stride, const real *v, long v_stride, long v_step,
    const real *panel, long K, int onto)
{
    switch (rows) {
    case 1: tile_1(out, out_stride, v, v_stride, v_step, panel, K, onto); break;
    case 2: tile_2(out, out_stride, v, v_stride, v_step, panel, K, onto); break;
    case 3: tile_3(out, out_stride, v, v_stride, v_step, panel, K, onto); break;
    case 4: tile_4(out, out_stride, v, v_stride, v_step, panel, K, onto); break;
    case 5: tile_5(out, out_stride, v, v_stride, v_step, panel, K, onto); break;
    default: tile_6(out, out_stride, v, v_stride, v_step, panel, K, onto); break;
    }
}

/* `rows` rows of up to PANEL results; fewer go through a full tile at the side. */
static inline void tile(
    long rows, long results, real *out, long out_stride, const real *v, long v_stride,
    long v_step, const real *panel, long K, int onto)
{
    if (results >= PANEL) {
        full_tile(rows, out, out_stride, v, v_stride, v_step, panel, K, onto);
        return;
    }
    real full[TILE * PANEL] = {0};
    if (onto)
        for (long r = 0; r < rows; r++)
            memcpy(full + r * PANEL, out + r * out_stride, results * sizeof(real));
    full_tile(rows, full, PANEL, v, v_stride, v_step, panel, K, 1);
    for (long r = 0; r < rows; r++)
        memcpy(out + r * out_stride, full + r * PANEL, results * sizeof(real));
}

/* Tiles are equally high, as far as they can be: of few rows one alone would be slow. */
static void product(
    real *out, long out_stride, const real *v, long v_stride, long rows, const real *packed,
    struct part results, long K, int onto)
{
    const long tiles = (rows + TILE - 1) / TILE;
    for (long n = results.begin; n < results.end; n += PANEL)
        for (long t = 0, r = 0, few; t < tiles; t++, r += few) {
            few = (rows - r + tiles - t - 1) / (tiles - t);
            tile(few, results.end - n, out + r * out_stride + n, out_stride, v + r * v_stride,
                 v_stride, 1, packed + n * K, K, onto);
        }
}

static void gather(
    real *out, long out_stride, const long *symbols, long rows, const real *packed, long N, long K)
{
    for (long r = 0; r < rows; r++)
        for (long n = 0; n < N; n += PANEL) {
            const real *const column = packed + n * K + symbols[r] * PANEL;
            const long results = N - n < PANEL ? N - n : PANEL;
            memcpy(out + r * out_stride + n, column, results * sizeof(real));
        }
}

static long panels_of(long results) { return (results + PANEL - 1) / PANEL; }

/* The share of a slice among all panels. */
static struct part panels_in(long results, long slice, long slices)
{
    const long panels = panels_of(results);
    return (struct part){panels * slice / slices, panels * (slice + 1) / slices};
}

typedef real quad __attribute__((vector_size(4 * sizeof(real)), aligned(sizeof(real)), may_alias));

/* Four numbers of four rows that lie `stride` apart become four rows, PANEL apart. */
static inline void transpose_quads(real *to, const real *from, long stride)
{
    const quad a = *(const quad *)from, b = *(const quad *)(from + stride),
               c = *(const quad *)(from + 2 * stride), d = *(const quad *)(from + 3 * stride);
    FIXED(int i = 0; i < 4; i++)
        *(quad *)(to + i * PANEL) = (quad){a[i], b[i], c[i], d[i]};
}

static void pack(
    real *packed, const real *w, long stride, long N, long K, long slice, long slices)
{
    const struct part panels = panels_in(N, slice, slices);
    for (long p = panels.begin; p < panels.end; p++) {
        real *const to = packed + p * K * PANEL;
        const real *const from = w + p * PANEL * stride;
        const long rows = N - p * PANEL < PANEL ? N - p * PANEL : PANEL;
        const long fours = rows / 4 * 4, whole = K / 4 * 4;
        if (rows < PANEL)
            memset(to, 0, K * PANEL * sizeof(real));
        for (long k = 0; k < whole; k += 4)
            for (long n = 0; n < fours; n += 4)
                transpose_quads(to + k * PANEL + n, from + n * stride + k, stride);
        for (long k = 0; k < K; k++)
            for (long n = k < whole ? fours : 0; n < rows; n++)
                to[k * PANEL + n] = from[n * stride + k];
    }
}

/* A part of a row, zeros after it. */
static inline void pad(real *to, const real *from, long numbers)
{
    if (numbers >= PANEL) {
        memcpy(to, from, PANEL * sizeof(real));
        return;
    }
    memset(to, 0, PANEL * sizeof(real));
    memcpy(to, from, numbers * sizeof(real));
}

static void pack_transposed(
    real *packed, const real *w, long stride, long N, long K, long slice, long slices)
{
    const struct part panels = panels_in(N, slice, slices);
    for (long p = panels.begin; p < panels.end; p++)
        for (long k = 0; k < K; k++)
            pad(packed + (p * K + k) * PANEL, w + k * stride + p * PANEL, N - p * PANEL);
}
