/* lstm, forward and backward over a sequence, from its equations. */
#include "real.h"
#include "loop.h"
#include "algebra.h"

static void pack_forward(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const packed_on_x = call->at[11];
    real *const packed_on_h = call->at[12];
    real *const weight_x = call->at[13];
    real *const weight_h = call->at[14];

    algebra->pack(packed_on_x, weight_x, X, 4 * H, X, slice, call->slices);
    algebra->pack(packed_on_h, weight_h, H, 4 * H, H, slice, call->slices);
}

/* The products of the input, for all rows of a block of steps. */
static void forward_together(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const product_x = call->at[0]; /* 4 * H for each row of each step */
    real *const input = call->at[4]; /* X for each row of each step */
    real *const packed_on_x = call->at[11];
    const struct span rows = share_of(call, slice, 0);

    /* W.xi, W.xf, W.xg, W.xo @ x */
    if (call->symbols)
        algebra->gather(
            product_x + rows.begin * (4 * H), 4 * H,
            call->symbols + rows.begin, rows.count, packed_on_x, 4 * H, X);
    else
        algebra->product(
            product_x + rows.begin * (4 * H), 4 * H,
            input + rows.begin * X, X, rows.count,
            packed_on_x, (struct part){0, 4 * H}, X, 0);
}

/* A slice of the rows, from the first step to the last. */
static void forward_slice(const struct call *call, long slice)
{
    const long H = call->sizes[0];
    const struct algebra *const algebra = call->algebra;
    real *const product_x = call->at[0]; /* 4 * H for each row of each step */
    real *const stored_bias = call->at[1]; /* 4 * H */
    real *const state_h = call->at[2]; /* H for each row of each step */
    real *const state_c = call->at[3]; /* H for each row of each step */
    real *const first_h = call->at[5]; /* H for each row */
    real *const side_h = call->at[6]; /* H for each row */
    real *const first_c = call->at[7]; /* H for each row */
    real *const side_c = call->at[8]; /* H for each row */
    real *const last_h = call->at[9]; /* H for each row */
    real *const last_c = call->at[10]; /* H for each row */
    real *const packed_on_h = call->at[12];
    const long begin = call->bounds[2 * slice];
    const struct part units = part_of(call, H, LINE);
    const struct part results = part_of(call, 4 * H, algebra->panel);

    for (long s = call->from; s < call->to; s++) {
        const struct step now = step_of(call, slice, s);
        if (now.count <= begin)
            continue;
        const real *const before_h = state_before(
            call, now, begin, H, first_h, state_h, side_h);
        const real *const before_c = state_before(
            call, now, begin, H, first_c, state_c, side_c);

        /* W.hi, W.hf, W.hg, W.ho @ h */
        algebra->product(
            product_x + (now.row + begin) * (4 * H), 4 * H,
            before_h + begin * H, H, now.count - begin,
            packed_on_h, results, H, 1);
        meet(call);

        for (long r = begin; r < now.count; r++) {
            real *const a_i = product_x + (now.row + r) * (4 * H);
            const real *const b_i = stored_bias;
            real *const a_f = product_x + (now.row + r) * (4 * H) + H;
            const real *const b_f = stored_bias + H;
            real *const a_g = product_x + (now.row + r) * (4 * H) + 2 * H;
            const real *const b_g = stored_bias + 2 * H;
            real *const a_o = product_x + (now.row + r) * (4 * H) + 3 * H;
            const real *const b_o = stored_bias + 3 * H;
            const real *const c_before = before_c + r * H;
            real *const h_after = state_h + (now.row + r) * H;
            real *const c_after = state_c + (now.row + r) * H;
            /* i = sigmoid(W.xi @ x + W.hi @ h + b.i): input gate: write to the cell? */
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++)
                a_i[j] = real_sigmoid(a_i[j] + b_i[j]);
            /* f = sigmoid(W.xf @ x + W.hf @ h + b.f): forget gate: keep the cell? */
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++)
                a_f[j] = real_sigmoid(a_f[j] + b_f[j]);
            /* g = tanh(W.xg @ x + W.hg @ h + b.g): candidate: what to write */
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++)
                a_g[j] = real_tanh(a_g[j] + b_g[j]);
            /* o = sigmoid(W.xo @ x + W.ho @ h + b.o): output gate: how much to show */
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++)
                a_o[j] = real_sigmoid(a_o[j] + b_o[j]);
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++) {
                /* c = f * c + i * g */
                const real c = a_f[j] * c_before[j] + a_i[j] * a_g[j];
                /* h = o * tanh(c) */
                const real h = a_o[j] * real_tanh(c);
                h_after[j] = h;
                c_after[j] = c;
            }
        }
        meet(call);

        keep_last(call, now, begin, H, state_h + now.row * H, last_h);
        keep_last(call, now, begin, H, state_c + now.row * H, last_c);
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
    real *const gradient_of_x = call->at[9]; /* X for each row of each step */
    real *const packed_back_h = call->at[20];
    real *const packed_back_x = call->at[21];
    real *const weight_h = call->at[22];
    real *const weight_x = call->at[23];

    algebra->pack_transposed(packed_back_h, weight_h, H, H, 4 * H, slice, call->slices);
    if (gradient_of_x)
        algebra->pack_transposed(packed_back_x, weight_x, X, X, 4 * H, slice, call->slices);
}

/* The gradients of inputs and weights, for all rows of a block of steps. */
static void backward_together(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const gradient_x = call->at[1]; /* 4 * H for each row of each step */
    real *const gradient_of_x = call->at[9]; /* X for each row of each step */
    real *const input = call->at[10]; /* X for each row of each step */
    real *const gradient_of_weight_x = call->at[11];
    real *const panels_x = call->at[12]; /* X for each slice */
    real *const state_h = call->at[13]; /* H for each row of each step */
    real *const gradient_of_weight_h = call->at[14];
    real *const panels_h = call->at[15]; /* H for each slice */
    real *const first_h = call->at[16]; /* H for each row */
    real *const packed_back_x = call->at[21];
    const struct span rows = share_of(call, slice, 1);

    /* the gradient of x, through W.xi, W.xf, W.xg, W.xo */
    if (gradient_of_x)
        algebra->product(
            gradient_of_x + rows.begin * X, X,
            gradient_x + rows.begin * (4 * H), 4 * H, rows.count,
            packed_back_x, (struct part){0, X}, 4 * H, 0);

    const struct span all = rows_of(call, 1);

    /* the gradients of W.xi, W.xf, W.xg, W.xo, which met x */
    if (gradient_of_weight_x) {
        struct outer of = algebra->outer_of(
            call, slice, gradient_of_weight_x, 4 * H, X,
            gradient_x + all.begin * (4 * H), 4 * H, panels_x);
        if (call->symbols)
            algebra->add_symbols(&of, call->symbols + all.begin, all.count);
        else
            algebra->add_rows(&of, input + all.begin * X, X, all.count);
        algebra->add_held(&of);
    }

    /* the gradients of W.hi, W.hf, W.hg, W.ho, which met h */
    if (gradient_of_weight_h) {
        struct outer of = algebra->outer_of(
            call, slice, gradient_of_weight_h, 4 * H, H,
            gradient_x + all.begin * (4 * H), 4 * H, panels_h);
        algebra->add_states(&of, call, first_h, state_h);
        algebra->add_held(&of);
    }
}

/* A slice of the rows, from the last step to the first. */
static void backward_slice(const struct call *call, long slice)
{
    const long H = call->sizes[0];
    const struct algebra *const algebra = call->algebra;
    real *const next_c = call->at[0]; /* H for each row */
    real *const gradient_x = call->at[1]; /* 4 * H for each row of each step */
    real *const sum_bias = call->at[2]; /* 4 * H for each slice */
    real *const carried_h = call->at[3]; /* H for each row */
    real *const incoming = call->at[4]; /* H for each row of each step */
    real *const product_x = call->at[5]; /* 4 * H for each row of each step */
    real *const state_c = call->at[6]; /* H for each row of each step */
    real *const carried_c = call->at[7]; /* H for each row */
    real *const next_h = call->at[8]; /* H for each row */
    real *const first_c = call->at[17]; /* H for each row */
    real *const side_c = call->at[18]; /* H for each row */
    real *const step_sum_bias = call->at[19]; /* 4 * H for each slice */
    real *const packed_back_h = call->at[20];
    const long begin = call->bounds[2 * slice];
    const struct part units = part_of(call, H, LINE);
    const struct part results = part_of(call, H, algebra->panel);
    clear(call, slice, sum_bias, 4 * H);
    clear(call, slice, step_sum_bias, 4 * H);

    for (long s = call->from; s < call->to; s++) {
        const struct step now = step_of(call, slice, call->steps - 1 - s);
        if (now.count <= begin)
            continue;
        const real *const before_c = state_before(
            call, now, begin, H, first_c, state_c, side_c);

        for (long r = begin; r < now.count; r++) {
            const real *const incoming_now = incoming + (now.row + r) * H;
            const real *const carried_h_now = carried_h + r * H;
            const real *const c_after = state_c + (now.row + r) * H;
            const real *const kept_o = product_x + (now.row + r) * (4 * H) + 3 * H;
            const real *const carried_c_now = carried_c + r * H;
            const real *const kept_g = product_x + (now.row + r) * (4 * H) + 2 * H;
            const real *const c_before = before_c + r * H;
            const real *const kept_i = product_x + (now.row + r) * (4 * H);
            const real *const kept_f = product_x + (now.row + r) * (4 * H) + H;
            real *const next_c_now = next_c + r * H;
            real *const to_d_a_i = gradient_x + (now.row + r) * (4 * H);
            real *const to_d_a_f = gradient_x + (now.row + r) * (4 * H) + H;
            real *const to_d_a_g = gradient_x + (now.row + r) * (4 * H) + 2 * H;
            real *const to_d_a_o = gradient_x + (now.row + r) * (4 * H) + 3 * H;
            real *const sum_b_o = step_sum_bias + slice * (4 * H) + 3 * H;
            real *const sum_b_f = step_sum_bias + slice * (4 * H) + H;
            real *const sum_b_i = step_sum_bias + slice * (4 * H);
            real *const sum_b_g = step_sum_bias + slice * (4 * H) + 2 * H;
            #pragma omp simd
            for (long j = units.begin; j < units.end; j++) {
                const real d_h = carried_h_now[j] + incoming_now[j];
                const real t = real_tanh(c_after[j]);
                const real d_c = carried_c_now[j] + d_h * kept_o[j] * (1 - t * t);
                const real d_i = d_c * kept_g[j];
                const real d_f = d_c * c_before[j];
                const real d_g = d_c * kept_i[j];
                const real d_o = d_h * t;
                const real d_a_i = d_i * (1 - kept_i[j]) * kept_i[j];
                const real d_a_f = d_f * (1 - kept_f[j]) * kept_f[j];
                const real d_a_g = d_g * (1 - kept_g[j] * kept_g[j]);
                const real d_a_o = d_o * (1 - kept_o[j]) * kept_o[j];
                next_c_now[j] = d_c * kept_f[j];
                to_d_a_i[j] = d_a_i;
                to_d_a_f[j] = d_a_f;
                to_d_a_g[j] = d_a_g;
                to_d_a_o[j] = d_a_o;
                sum_b_o[j] += d_a_o;
                sum_b_f[j] += d_a_f;
                sum_b_i[j] += d_a_i;
                sum_b_g[j] += d_a_g;
            }
        }
        meet(call);

        /* the gradient of h, through W.hi, W.hf, W.hg, W.ho */
        algebra->product(
            next_h + begin * H, H,
            gradient_x + (now.row + begin) * (4 * H), 4 * H, now.count - begin,
            packed_back_h, results, 4 * H, 0);
        meet(call);

        copy_rows(call, carried_h, next_h, begin, now.count, H);
        copy_rows(call, carried_c, next_c, begin, now.count, H);
        meet(call);
        add_up(sum_bias + slice * (4 * H), step_sum_bias + slice * (4 * H), 4 * H);
    }
}

void backward(const struct call *call)
{
    if (!call->packed)
        run(call, pack_backward);
    run_in_blocks(call, 0, backward_slice, backward_together);
}
