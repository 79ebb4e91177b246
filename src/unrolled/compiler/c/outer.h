/* Gradients of weights: over all rows, the sum of what each result of a product was owed times what
 * the product read. Of algebra.c alone. */

enum { AT_ONCE = 256, ABREAST = 8 }; /* rows and tiles that are packed together */

static struct outer outer_of(
    const struct call *call, long slice, real *gradient, long N, long K, const real *owed,
    long stride, real *panels)
{
    const long tiles = (N + TILE - 1) / TILE;
    return (struct outer){
        gradient,
        K,
        tiles * slice / call->slices * TILE,
        smaller(tiles * (slice + 1) / call->slices * TILE, N),
        owed,
        stride,
        panels + slice * AT_ONCE * panels_of(K) * PANEL,
        0,
    };
}

/* What some rows are owed for the results of some tiles from `first` on, tile by tile, zeros where
 * there is no result. Whole lines of memory are read at once: rows that lie a power of two apart
 * would push each other out of the cache before the next tile needs them. */
static inline void take_owed(
    real owed[ABREAST][AT_ONCE][TILE], const struct outer *of, long first, long results, long rows)
{
    for (long r = 0; r < rows; r++) {
        const real *from = of->owed + r * of->stride + first;
        for (long t = 0; t * TILE < results; t++, from += TILE)
            if (results - t * TILE >= TILE) {
                memcpy(owed[t][r], from, TILE * sizeof(real));
            } else {
                memset(owed[t][r], 0, TILE * sizeof(real));
                memcpy(owed[t][r], from, (results - t * TILE) * sizeof(real));
            }
    }
}

static void add_held(struct outer *of)
{
    real owed[ABREAST][AT_ONCE][TILE];
    for (long n = of->first; n < of->last; n += ABREAST * TILE) {
        const long results = smaller(of->last - n, ABREAST * TILE);
        take_owed(owed, of, n, results, of->held);
        for (long k = 0; k < of->K; k += PANEL)
            for (long t = 0; t * TILE < results; t++)
                tile(smaller(results - t * TILE, TILE), of->K - k,
                     of->gradient + (n + t * TILE) * of->K + k, of->K, owed[t][0], 1, TILE,
                     of->panels + k * AT_ONCE, of->held, 1);
    }
    of->owed += of->held * of->stride;
    of->held = 0;
}

static void add_rows(struct outer *of, const real *v, long stride, long rows)
{
    for (long r = 0; r < rows; r++) {
        for (long k = 0; k < of->K; k += PANEL)
            pad(of->panels + k * AT_ONCE + of->held * PANEL, v + r * stride + k, of->K - k);
        if (++of->held == AT_ONCE)
            add_held(of);
    }
}

static void add_symbols(struct outer *of, const long *symbols, long rows)
{
    real owed[ABREAST][AT_ONCE][TILE];
    for (long begin = 0; begin < rows; begin += AT_ONCE) {
        const long some = smaller(rows - begin, AT_ONCE);
        for (long n = of->first; n < of->last; n += ABREAST * TILE) {
            const long results = smaller(of->last - n, ABREAST * TILE);
            take_owed(owed, of, n, results, some);
            for (long i = 0; i < results; i++) {
                real *const gradient = of->gradient + (n + i) * of->K;
                for (long r = 0; r < some; r++)
                    gradient[symbols[begin + r]] += owed[i / TILE][r][i % TILE];
            }
        }
        of->owed += some * of->stride;
    }
}

static void add_states(
    struct outer *of, const struct call *call, const real *first, const real *sequence)
{
    const struct times times = times_of(call, 1);
    for (long time = times.first; time <= times.last; time++) {
        const long count = call->counts[time];
        const long going = smaller(rows_before(call, time), count);
        const long before = call->reverse ? time + 1 : time - 1;
        if (going)
            add_rows(of, sequence + call->starts[before] * of->K, of->K, going);
        add_rows(of, first + going * of->K, of->K, count - going);
    }
}
