/* gru, forward and backward over a sequence, from its equations. */
#include "real.h"
#include "loop.h"
#include "algebra.h"

static void pack_forward(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const packed_on_x = call->at[8];
    real *const packed_on_h = call->at[9];
    real *const packed_on_r_h = call->at[10];
    real *const weight_x = call->at[11];
    real *const weight_h = call->at[12];
    real *const weight_r_h = call->at[13];

    algebra->pack(packed_on_x, weight_x, X, 3 * H, X, slice, call->slices);
    algebra->pack(packed_on_h, weight_h, H, 2 * H, H, slice, call->slices);
    algebra->pack(packed_on_r_h, weight_r_h, H, H, H, slice, call->slices);
}

/* The products of the input, for all rows of a block of steps. */
static void forward_together(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const product_x = call->at[0]; /* 3 * H for each row of each step */
    real *const input = call->at[4]; /* X for each row of each step */
    real *const packed_on_x = call->at[8];
    const struct span rows = share_of(call, slice, 0);

    /* W.xr, W.xz, W.xn @ x */
    if (call->symbols)
        algebra->gather(
            product_x + rows.begin * (3 * H), 3 * H,
            call->symbols + rows.begin, rows.count, packed_on_x, 3 * H, X);
    else
        algebra->product(
            product_x + rows.begin * (3 * H), 3 * H,
            input + rows.begin * X, X, rows.count,
            packed_on_x, (struct part){0, 3 * H}, X, 0);
}

/* A slice of the rows, from the first step to the last. */
static void forward_slice(const struct call *call, long slice)
{
    const long H = call->sizes[0];
    const struct algebra *const algebra = call->algebra;
    real *const product_x = call->at[0]; /* 3 * H for each row of each step */
    real *const stored_bias = call->at[1]; /* 3 * H */
    real *const scratch_batch0 = call->at[2]; /* H for each row */
    real *const state_h = call->at[3]; /* H for each row of each step */
    real *const first_h = call->at[5]; /* H for each row */
    real *const side_h = call->at[6]; /* H for each row */
    real *const last_h = call->at[7]; /* H for each row */
    real *const packed_on_h = call->at[9];
    real *const packed_on_r_h = call->at[10];
    const long begin = call->bounds[2 * slice];
    const struct part units = part_of(call, H, LINE);
    const struct part results = part_of(call, 2 * H, algebra->panel);
    const struct part results_2 = part_of(call, H, algebra->panel);

    for (long s = call->from; s < call->to; s++) {
        const struct step now = step_of(call, slice, s);
        if (now.count <= begin)
            continue;
        const real *const before_h = state_before(
            call, now, begin, H, first_h, state_h, side_h);

        /* W.hr, W.hz @ h */
        algebra->product(
            product_x + (now.row + begin) * (3 * H), 3 * H,
            before_h + begin * H, H, now.count - begin,
            packed_on_h, results, H, 1);
        meet(call);

        for (long r = begin; r < now.count; r++) {
            real *const a_r = product_x + (now.row + r) * (3 * H);
            const real *const b_r = stored_bias;
            real *const a_z = product_x + (now.row + r) * (3 * H) + H;
            const real *const b_z = stored_bias + H;
            real *const scratch_batch0_now = scratch_batch0 + r * H;
            const real *const h_before = before_h + r * H;
            /* r = sigmoid(W.xr @ x + W.hr @ h + b.r): reset gate: how much of the old... */
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++)
                a_r[j] = real_sigmoid(a_r[j] + b_r[j]);
            /* z = sigmoid(W.xz @ x + W.hz @ h + b.z): update gate: how much of the ol... */
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++)
                a_z[j] = real_sigmoid(a_z[j] + b_z[j]);
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++) {
                scratch_batch0_now[j] = a_r[j] * h_before[j];
            }
        }
        meet(call);

        /* W.hn @ r * h */
        algebra->product(
            product_x + (now.row + begin) * (3 * H) + 2 * H, 3 * H,
            scratch_batch0 + begin * H, H, now.count - begin,
            packed_on_r_h, results_2, H, 1);
        meet(call);

        for (long r = begin; r < now.count; r++) {
            real *const a_n = product_x + (now.row + r) * (3 * H) + 2 * H;
            const real *const b_n = stored_bias + 2 * H;
            const real *const a_z = product_x + (now.row + r) * (3 * H) + H;
            const real *const h_before = before_h + r * H;
            real *const h_after = state_h + (now.row + r) * H;
            /* n = tanh(W.xn @ x + W.hn @ (r * h) + b.n): candidate */
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++)
                a_n[j] = real_tanh(a_n[j] + b_n[j]);
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++) {
                /* h = z * h + (1 - z) * n */
                const real h = a_z[j] * h_before[j] + (1 - a_z[j]) * a_n[j];
                h_after[j] = h;
            }
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
    real *const gradient_of_x = call->at[10]; /* X for each row of each step */
    real *const packed_back_r_h = call->at[22];
    real *const packed_back_h = call->at[23];
    real *const packed_back_x = call->at[24];
    real *const weight_r_h = call->at[25];
    real *const weight_h = call->at[26];
    real *const weight_x = call->at[27];

    algebra->pack_transposed(packed_back_r_h, weight_r_h, H, H, H, slice, call->slices);
    algebra->pack_transposed(packed_back_h, weight_h, H, H, 2 * H, slice, call->slices);
    if (gradient_of_x)
        algebra->pack_transposed(packed_back_x, weight_x, X, X, 3 * H, slice, call->slices);
}

/* The gradients of inputs and weights, for all rows of a block of steps. */
static void backward_together(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const gradient_x = call->at[0]; /* 3 * H for each row of each step */
    real *const gradient_h = call->at[1]; /* 2 * H for each row of each step */
    real *const gradient_r_h = call->at[2]; /* H for each row of each step */
    real *const operand_r_h = call->at[3]; /* H for each row of each step */
    real *const gradient_of_x = call->at[10]; /* X for each row of each step */
    real *const input = call->at[11]; /* X for each row of each step */
    real *const gradient_of_weight_x = call->at[12];
    real *const panels_x = call->at[13]; /* X for each slice */
    real *const state_h = call->at[14]; /* H for each row of each step */
    real *const gradient_of_weight_h = call->at[15];
    real *const panels_h = call->at[16]; /* H for each slice */
    real *const first_h = call->at[17]; /* H for each row */
    real *const gradient_of_weight_r_h = call->at[18];
    real *const panels_r_h = call->at[19]; /* H for each slice */
    real *const packed_back_x = call->at[24];
    const struct span rows = share_of(call, slice, 1);

    /* the gradient of x, through W.xr, W.xz, W.xn */
    if (gradient_of_x)
        algebra->product(
            gradient_of_x + rows.begin * X, X,
            gradient_x + rows.begin * (3 * H), 3 * H, rows.count,
            packed_back_x, (struct part){0, X}, 3 * H, 0);

    const struct span all = rows_of(call, 1);

    /* the gradients of W.xr, W.xz, W.xn, which met x */
    if (gradient_of_weight_x) {
        struct outer of = algebra->outer_of(
            call, slice, gradient_of_weight_x, 3 * H, X,
            gradient_x + all.begin * (3 * H), 3 * H, panels_x);
        if (call->symbols)
            algebra->add_symbols(&of, call->symbols + all.begin, all.count);
        else
            algebra->add_rows(&of, input + all.begin * X, X, all.count);
        algebra->add_held(&of);
    }

    /* the gradients of W.hr, W.hz, which met h */
    if (gradient_of_weight_h) {
        struct outer of = algebra->outer_of(
            call, slice, gradient_of_weight_h, 2 * H, H,
            gradient_h + all.begin * (2 * H), 2 * H, panels_h);
        algebra->add_states(&of, call, first_h, state_h);
        algebra->add_held(&of);
    }

    /* the gradients of W.hn, which met r * h */
    if (gradient_of_weight_r_h) {
        struct outer of = algebra->outer_of(
            call, slice, gradient_of_weight_r_h, H, H,
            gradient_r_h + all.begin * H, H, panels_r_h);
        algebra->add_rows(&of, operand_r_h + all.begin * H, H, all.count);
        algebra->add_held(&of);
    }
}

/* A slice of the rows, from the last step to the first. */
static void backward_slice(const struct call *call, long slice)
{
    const long H = call->sizes[0];
    const struct algebra *const algebra = call->algebra;
    real *const gradient_x = call->at[0]; /* 3 * H for each row of each step */
    real *const gradient_h = call->at[1]; /* 2 * H for each row of each step */
    real *const gradient_r_h = call->at[2]; /* H for each row of each step */
    real *const operand_r_h = call->at[3]; /* H for each row of each step */
    real *const sum_bias = call->at[4]; /* 3 * H for each slice */
    real *const carried_h = call->at[5]; /* H for each row */
    real *const incoming = call->at[6]; /* H for each row of each step */
    real *const product_x = call->at[7]; /* 3 * H for each row of each step */
    real *const scratch_batch0 = call->at[8]; /* H for each row */
    real *const next_h = call->at[9]; /* H for each row */
    real *const state_h = call->at[14]; /* H for each row of each step */
    real *const first_h = call->at[17]; /* H for each row */
    real *const side_h = call->at[20]; /* H for each row */
    real *const step_sum_bias = call->at[21]; /* 3 * H for each slice */
    real *const packed_back_r_h = call->at[22];
    real *const packed_back_h = call->at[23];
    const long begin = call->bounds[2 * slice];
    const struct part units = part_of(call, H, LINE);
    const struct part results = part_of(call, H, algebra->panel);
    clear(call, slice, sum_bias, 3 * H);
    clear(call, slice, step_sum_bias, 3 * H);

    for (long s = call->from; s < call->to; s++) {
        const struct step now = step_of(call, slice, call->steps - 1 - s);
        if (now.count <= begin)
            continue;
        const real *const before_h = state_before(
            call, now, begin, H, first_h, state_h, side_h);

        for (long r = begin; r < now.count; r++) {
            const real *const incoming_now = incoming + (now.row + r) * H;
            const real *const carried_h_now = carried_h + r * H;
            const real *const kept_z = product_x + (now.row + r) * (3 * H) + H;
            const real *const kept_n = product_x + (now.row + r) * (3 * H) + 2 * H;
            const real *const h_before = before_h + r * H;
            real *const to_d_a_z = gradient_x + (now.row + r) * (3 * H) + H;
            real *const to_d_a_n = gradient_x + (now.row + r) * (3 * H) + 2 * H;
            real *const to_d_a_z_2 = gradient_h + (now.row + r) * (2 * H) + H;
            real *const to_d_a_n_2 = gradient_r_h + (now.row + r) * H;
            real *const operand_r_h_now = operand_r_h + (now.row + r) * H;
            const real *const kept_r = product_x + (now.row + r) * (3 * H);
            real *const sum_b_z = step_sum_bias + slice * (3 * H) + H;
            real *const sum_b_n = step_sum_bias + slice * (3 * H) + 2 * H;
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++) {
                const real d_h = carried_h_now[j] + incoming_now[j];
                const real t = 1 - kept_z[j];
                const real d_n = d_h * t;
                const real d_a_n = d_n * (1 - kept_n[j] * kept_n[j]);
                const real d_z = -(d_h * kept_n[j]) + d_h * h_before[j];
                const real d_a_z = d_z * t * kept_z[j];
                to_d_a_z[j] = d_a_z;
                to_d_a_n[j] = d_a_n;
                to_d_a_z_2[j] = d_a_z;
                to_d_a_n_2[j] = d_a_n;
                operand_r_h_now[j] = kept_r[j] * h_before[j];
                sum_b_z[j] += d_a_z;
                sum_b_n[j] += d_a_n;
            }
        }
        meet(call);

        /* the gradient of r * h, through W.hn */
        algebra->product(
            scratch_batch0 + begin * H, H,
            gradient_r_h + (now.row + begin) * H, H, now.count - begin,
            packed_back_r_h, results, H, 0);
        meet(call);

        for (long r = begin; r < now.count; r++) {
            const real *const h_before = before_h + r * H;
            const real *const scratch_batch0_now = scratch_batch0 + r * H;
            const real *const kept_r = product_x + (now.row + r) * (3 * H);
            real *const next_h_now = next_h + r * H;
            const real *const kept_z = product_x + (now.row + r) * (3 * H) + H;
            const real *const incoming_now = incoming + (now.row + r) * H;
            const real *const carried_h_now = carried_h + r * H;
            real *const to_d_a_r = gradient_x + (now.row + r) * (3 * H);
            real *const to_d_a_r_2 = gradient_h + (now.row + r) * (2 * H);
            real *const sum_b_r = step_sum_bias + slice * (3 * H);
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++) {
                const real d_r = scratch_batch0_now[j] * h_before[j];
                const real d_a_r = d_r * (1 - kept_r[j]) * kept_r[j];
                next_h_now[j] = scratch_batch0_now[j] * kept_r[j] + (carried_h_now[j] +
                    incoming_now[j]) * kept_z[j];
                to_d_a_r[j] = d_a_r;
                to_d_a_r_2[j] = d_a_r;
                sum_b_r[j] += d_a_r;
            }
        }
        meet(call);

        /* the gradient of h, through W.hr, W.hz */
        algebra->product(
            next_h + begin * H, H,
            gradient_h + (now.row + begin) * (2 * H), 2 * H, now.count - begin,
            packed_back_h, results, 2 * H, 1);
        meet(call);

        copy_rows(call, carried_h, next_h, begin, now.count, H);
        meet(call);
        add_up(sum_bias + slice * (3 * H), step_sum_bias + slice * (3 * H), 3 * H);
    }
}

void backward(const struct call *call)
{
    if (!call->packed)
        run(call, pack_backward);
    run_in_blocks(call, 0, backward_slice, backward_together);
}
