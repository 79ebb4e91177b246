/* rnn, forward and backward over a sequence, from its equations. */
#include "real.h"
#include "loop.h"
#include "algebra.h"

static void pack_forward(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const packed_on_x = call->at[7];
    real *const packed_on_h = call->at[8];
    real *const weight_x = call->at[9];
    real *const weight_h = call->at[10];

    algebra->pack(packed_on_x, weight_x, X, H, X, slice, call->slices);
    algebra->pack(packed_on_h, weight_h, H, H, H, slice, call->slices);
}

/* The products of the input, for all rows of a block of steps. */
static void forward_together(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const product_x = call->at[0]; /* H for each row of each step */
    real *const input = call->at[3]; /* X for each row of each step */
    real *const packed_on_x = call->at[7];
    const struct span rows = share_of(call, slice, 0);

    /* W.xh @ x */
    if (call->symbols)
        algebra->gather(
            product_x + rows.begin * H, H,
            call->symbols + rows.begin, rows.count, packed_on_x, H, X);
    else
        algebra->product(
            product_x + rows.begin * H, H,
            input + rows.begin * X, X, rows.count,
            packed_on_x, (struct part){0, H}, X, 0);
}

/* A slice of the rows, from the first step to the last. */
static void forward_slice(const struct call *call, long slice)
{
    const long H = call->sizes[0];
    const struct algebra *const algebra = call->algebra;
    real *const product_x = call->at[0]; /* H for each row of each step */
    real *const state_h = call->at[1]; /* H for each row of each step */
    real *const stored_bias = call->at[2]; /* H */
    real *const first_h = call->at[4]; /* H for each row */
    real *const side_h = call->at[5]; /* H for each row */
    real *const last_h = call->at[6]; /* H for each row */
    real *const packed_on_h = call->at[8];
    const long begin = call->bounds[2 * slice];
    const struct part units = part_of(call, H, LINE);
    const struct part results = part_of(call, H, algebra->panel);

    for (long s = call->from; s < call->to; s++) {
        const struct step now = step_of(call, slice, s);
        if (now.count <= begin)
            continue;
        const real *const before_h = state_before(
            call, now, begin, H, first_h, state_h, side_h);

        /* W.hh @ h */
        algebra->product(
            product_x + (now.row + begin) * H, H,
            before_h + begin * H, H, now.count - begin,
            packed_on_h, results, H, 1);
        meet(call);

        for (long r = begin; r < now.count; r++) {
            real *const h_after = state_h + (now.row + r) * H;
            const real *const b_h = stored_bias;
            const real *const a_h = product_x + (now.row + r) * H;
            /* h = tanh(W.xh @ x + W.hh @ h + b.h) */
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++)
                h_after[j] = real_tanh(a_h[j] + b_h[j]);
        }
        meet(call);

        keep_last(call, now, begin, H, state_h + now.row * H, last_h);
    }
}

void forward(const struct call *call)
{
    if (!call->packed)
        run(call, pack_forward);
    run_in_blocks(call, forward_together, forward_slice, 0);
}

static void pack_backward(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const gradient_of_x = call->at[6]; /* X for each row of each step */
    real *const packed_back_h = call->at[14];
    real *const packed_back_x = call->at[15];
    real *const weight_h = call->at[16];
    real *const weight_x = call->at[17];

    algebra->pack_transposed(packed_back_h, weight_h, H, H, H, slice, call->slices);
    if (gradient_of_x)
        algebra->pack_transposed(packed_back_x, weight_x, X, X, H, slice, call->slices);
}

/* The gradients of inputs and weights, for all rows of a block of steps. */
static void backward_together(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const gradient_x = call->at[0]; /* H for each row of each step */
    real *const state_h = call->at[4]; /* H for each row of each step */
    real *const gradient_of_x = call->at[6]; /* X for each row of each step */
    real *const input = call->at[7]; /* X for each row of each step */
    real *const gradient_of_weight_x = call->at[8];
    real *const panels_x = call->at[9]; /* X for each slice */
    real *const gradient_of_weight_h = call->at[10];
    real *const panels_h = call->at[11]; /* H for each slice */
    real *const first_h = call->at[12]; /* H for each row */
    real *const packed_back_x = call->at[15];
    const struct span rows = share_of(call, slice, 1);

    /* the gradient of x, through W.xh */
    if (gradient_of_x)
        algebra->product(
            gradient_of_x + rows.begin * X, X,
            gradient_x + rows.begin * H, H, rows.count,
            packed_back_x, (struct part){0, X}, H, 0);

    const struct span all = rows_of(call, 1);

    /* the gradients of W.xh, which met x */
    if (gradient_of_weight_x) {
        struct outer of = algebra->outer_of(
            call, slice, gradient_of_weight_x, H, X,
            gradient_x + all.begin * H, H, panels_x);
        if (call->symbols)
            algebra->add_symbols(&of, call->symbols + all.begin, all.count);
        else
            algebra->add_rows(&of, input + all.begin * X, X, all.count);
        algebra->add_held(&of);
    }

    /* the gradients of W.hh, which met h */
    if (gradient_of_weight_h) {
        struct outer of = algebra->outer_of(
            call, slice, gradient_of_weight_h, H, H,
            gradient_x + all.begin * H, H, panels_h);
        algebra->add_states(&of, call, first_h, state_h);
        algebra->add_held(&of);
    }
}

/* A slice of the rows, from the last step to the first. */
static void backward_slice(const struct call *call, long slice)
{
    const long H = call->sizes[0];
    const struct algebra *const algebra = call->algebra;
    real *const gradient_x = call->at[0]; /* H for each row of each step */
    real *const sum_bias = call->at[1]; /* H for each slice */
    real *const carried_h = call->at[2]; /* H for each row */
    real *const incoming = call->at[3]; /* H for each row of each step */
    real *const state_h = call->at[4]; /* H for each row of each step */
    real *const next_h = call->at[5]; /* H for each row */
    real *const step_sum_bias = call->at[13]; /* H for each slice */
    real *const packed_back_h = call->at[14];
    const long begin = call->bounds[2 * slice];
    const struct part units = part_of(call, H, LINE);
    const struct part results = part_of(call, H, algebra->panel);
    clear(call, slice, sum_bias, H);
    clear(call, slice, step_sum_bias, H);

    for (long s = call->from; s < call->to; s++) {
        const struct step now = step_of(call, slice, call->steps - 1 - s);
        if (now.count <= begin)
            continue;

        for (long r = begin; r < now.count; r++) {
            const real *const incoming_now = incoming + (now.row + r) * H;
            const real *const carried_h_now = carried_h + r * H;
            const real *const h_after = state_h + (now.row + r) * H;
            real *const to_d_a_h = gradient_x + (now.row + r) * H;
            real *const sum_b_h = step_sum_bias + slice * H;
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++) {
                const real d_h = carried_h_now[j] + incoming_now[j];
                const real d_a_h = d_h * (1 - h_after[j] * h_after[j]);
                to_d_a_h[j] = d_a_h;
                sum_b_h[j] += d_a_h;
            }
        }
        meet(call);

        /* the gradient of h, through W.hh */
        algebra->product(
            next_h + begin * H, H,
            gradient_x + (now.row + begin) * H, H, now.count - begin,
            packed_back_h, results, H, 0);
        meet(call);

        copy_rows(call, carried_h, next_h, begin, now.count, H);
        meet(call);
        add_up(sum_bias + slice * H, step_sum_bias + slice * H, H);
    }
}

void backward(const struct call *call)
{
    if (!call->packed)
        run(call, pack_backward);
    run_in_blocks(call, 0, backward_slice, backward_together);
}
