/* The algebra of a cell: its products, and the gradients of its weights. It is the same for all
 * cells, and compiled once for each type of numbers: algebra.c fills the table, and a call brings
 * it along.
 *
 * Weights are multiplied packed, in panels of results; v and out are rows, a stride apart. */

/* The gradient of weights, while rows are added to it. */
struct outer {
    real *gradient; /* of weights that made N results of K numbers */
    long K;
    long first, last; /* the results that this slice sees to */
    const real *owed; /* the gradients of the results, of rows not yet added, `stride` apart */
    long stride;
    real *panels; /* what was read in those rows, a panel's numbers of each row side by side */
    long held;    /* how many rows that are */
};

struct algebra {
    long panel;        /* results side by side in packed weights */
    long rows_at_once; /* that are packed together for a gradient of weights */

    /* A slice's share of the panels of w (N x K, rows `stride` apart), whose product is w @ v. */
    void (*pack)(
        real *packed, const real *w, long stride, long N, long K, long slice, long slices);

    /* The same for the transposed w (K x N, rows `stride` apart), whose product is w^T @ v. */
    void (*pack_transposed)(
        real *packed, const real *w, long stride, long N, long K, long slice, long slices);

    /* out[r, results] += packed @ v[r, 0..K) for each row; from zero if `onto` is 0. The results
     * begin where a panel does. */
    void (*product)(
        real *out, long out_stride, const real *v, long v_stride, long rows, const real *packed,
        struct part results, long K, int onto);

    /* out[r, 0..N) = packed @ v[r, 0..K) where v is one-hot, a one in the place of its symbol. */
    void (*gather)(
        real *out, long out_stride, const long *symbols, long rows, const real *packed, long N,
        long K);

    /* A slice's share of a gradient (N x K), to which the rows that were read are added next. */
    struct outer (*outer_of)(
        const struct call *call, long slice, real *gradient, long N, long K, const real *owed,
        long stride, real *panels);

    void (*add_rows)(struct outer *of, const real *v, long stride, long rows);

    /* Rows that were one-hot. */
    void (*add_symbols)(struct outer *of, const long *symbols, long rows);

    /* The states before the steps of a block. */
    void (*add_states)(
        struct outer *of, const struct call *call, const real *first, const real *sequence);

    /* Add those rows that wait to be added together. */
    void (*add_held)(struct outer *of);
};
