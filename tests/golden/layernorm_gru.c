/* layernorm_gru, forward and backward over a sequence, from its equations. */
#include "real.h"
#include "loop.h"
#include "algebra.h"

static void pack_forward(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const packed_on_x = call->at[20];
    real *const packed_on_h_0 = call->at[21];
    real *const packed_on_h_1 = call->at[22];
    real *const weight_x = call->at[23];
    real *const weight_h = call->at[24];

    algebra->pack(packed_on_x, weight_x, X, 3 * H, X, slice, call->slices);
    algebra->pack(packed_on_h_0, weight_h, H, 2 * H, H, slice, call->slices);
    algebra->pack(packed_on_h_1, weight_h + (2 * H) * H, H, H, H, slice, call->slices);
}

/* The products of the input, for all rows of a block of steps. */
static void forward_together(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const product_x = call->at[0]; /* 3 * H for each row of each step */
    real *const input = call->at[16]; /* X for each row of each step */
    real *const packed_on_x = call->at[20];
    const struct span rows = share_of(call, slice, 0);

    /* W.x, W.xn @ x */
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
    real *const kept_v8 = call->at[1]; /* 2 * H for each row of each step */
    real *const kept_v50 = call->at[2]; /* H for each row of each step */
    real *const kept_v14 = call->at[3]; /* 1 for each row of each step */
    real *const kept_v55 = call->at[4]; /* 1 for each row of each step */
    real *const scratch_batch0 = call->at[5]; /* 2 * H for each row */
    real *const scratch_batch1 = call->at[6]; /* H for each row */
    real *const kept_v25 = call->at[7]; /* 2 * H for each row of each step */
    real *const kept_v69 = call->at[8]; /* H for each row of each step */
    real *const kept_v30 = call->at[9]; /* 1 for each row of each step */
    real *const kept_v74 = call->at[10]; /* 1 for each row of each step */
    real *const kept_v39 = call->at[11]; /* 2 * H for each row of each step */
    real *const stored_vector = call->at[12]; /* 12 * H */
    real *const stored_bias = call->at[13]; /* 3 * H */
    real *const kept_n = call->at[14]; /* H for each row of each step */
    real *const state_h = call->at[15]; /* H for each row of each step */
    real *const first_h = call->at[17]; /* H for each row */
    real *const side_h = call->at[18]; /* H for each row */
    real *const last_h = call->at[19]; /* H for each row */
    real *const packed_on_h_0 = call->at[21];
    real *const packed_on_h_1 = call->at[22];
    const long begin = call->bounds[2 * slice];
    const struct part results = part_of(call, 2 * H, algebra->panel);
    const struct part results_2 = part_of(call, H, algebra->panel);

    for (long s = call->from; s < call->to; s++) {
        const struct step now = step_of(call, slice, s);
        if (now.count <= begin)
            continue;
        const real *const before_h = state_before(
            call, now, begin, H, first_h, state_h, side_h);
        const struct part rows = rows_apart(call, begin, now.count);

        for (long r = rows.begin; r < rows.end; r++) {
            const real *const a_a = product_x + (now.row + r) * (3 * H);
            const real *const a_n = product_x + (now.row + r) * (3 * H) + 2 * H;
            real *const kept_v8_2 = kept_v8 + (now.row + r) * (2 * H);
            real *const kept_v50_2 = kept_v50 + (now.row + r) * H;
            real *const kept_v14_2 = kept_v14 + (now.row + r);
            real *const kept_v55_2 = kept_v55 + (now.row + r);
            real sum = 0;
            #pragma omp simd reduction(+ : sum)
            for (long j = 0; j < 2 * H; j++) {
                sum += a_a[j];
            }
            real sum_2 = 0;
            #pragma omp simd reduction(+ : sum_2)
            for (long j = 0; j < H; j++) {
                sum_2 += a_n[j];
            }
            const real t = sum / (real)(2 * H);
            const real t_2 = sum_2 / (real)H;
            real sum_3 = 0;
            #pragma omp simd reduction(+ : sum_3)
            for (long j = 0; j < 2 * H; j++) {
                const real t_3 = a_a[j] - t;
                kept_v8_2[j] = t_3;
                sum_3 += t_3 * t_3;
            }
            real sum_4 = 0;
            #pragma omp simd reduction(+ : sum_4)
            for (long j = 0; j < H; j++) {
                const real t_4 = a_n[j] - t_2;
                kept_v50_2[j] = t_4;
                sum_4 += t_4 * t_4;
            }
            const real t_5 = sum_3 / (real)(2 * H);
            const real t_6 = t_5 + (real)1e-05;
            const real t_7 = real_sqrt(t_6);
            const real t_8 = sum_4 / (real)H;
            const real t_9 = t_8 + (real)1e-05;
            const real t_10 = real_sqrt(t_9);
            kept_v14_2[0] = t_7;
            kept_v55_2[0] = t_10;
        }
        meet(call);

        /* W.h @ h */
        algebra->product(
            scratch_batch0 + begin * (2 * H), 2 * H,
            before_h + begin * H, H, now.count - begin,
            packed_on_h_0, results, H, 0);

        /* W.hn @ h */
        algebra->product(
            scratch_batch1 + begin * H, H,
            before_h + begin * H, H, now.count - begin,
            packed_on_h_1, results_2, H, 0);
        meet(call);

        for (long r = rows.begin; r < rows.end; r++) {
            const real *const a_a = scratch_batch0 + r * (2 * H);
            const real *const a_n = scratch_batch1 + r * H;
            real *const kept_v25_2 = kept_v25 + (now.row + r) * (2 * H);
            real *const kept_v69_2 = kept_v69 + (now.row + r) * H;
            real *const kept_v30_2 = kept_v30 + (now.row + r);
            real *const kept_v74_2 = kept_v74 + (now.row + r);
            const real *const b_a = stored_bias;
            const real *const p_sh = stored_vector + 6 * H;
            const real *const p_gh = stored_vector + 4 * H;
            const real *const p_sx = stored_vector + 2 * H;
            const real *const p_gx = stored_vector;
            const real *const kept_v14_2 = kept_v14 + (now.row + r);
            const real *const kept_v8_2 = kept_v8 + (now.row + r) * (2 * H);
            real *const kept_v39_2 = kept_v39 + (now.row + r) * (2 * H);
            real *const kept_n_2 = kept_n + (now.row + r) * H;
            const real *const p_shn = stored_vector + 11 * H;
            const real *const p_ghn = stored_vector + 10 * H;
            const real *const b_n = stored_bias + 2 * H;
            const real *const p_sxn = stored_vector + 9 * H;
            const real *const p_gxn = stored_vector + 8 * H;
            const real *const kept_v55_2 = kept_v55 + (now.row + r);
            const real *const kept_v50_2 = kept_v50 + (now.row + r) * H;
            const real *const kept_z = kept_v39 + (now.row + r) * (2 * H) + H;
            const real *const h_before = before_h + r * H;
            real *const h_after = state_h + (now.row + r) * H;
            real sum = 0;
            #pragma omp simd reduction(+ : sum)
            for (long j = 0; j < 2 * H; j++) {
                sum += a_a[j];
            }
            real sum_2 = 0;
            #pragma omp simd reduction(+ : sum_2)
            for (long j = 0; j < H; j++) {
                sum_2 += a_n[j];
            }
            const real t = sum / (real)(2 * H);
            const real t_2 = sum_2 / (real)H;
            real sum_3 = 0;
            #pragma omp simd reduction(+ : sum_3)
            for (long j = 0; j < 2 * H; j++) {
                const real t_3 = a_a[j] - t;
                kept_v25_2[j] = t_3;
                sum_3 += t_3 * t_3;
            }
            real sum_4 = 0;
            #pragma omp simd reduction(+ : sum_4)
            for (long j = 0; j < H; j++) {
                const real t_4 = a_n[j] - t_2;
                kept_v69_2[j] = t_4;
                sum_4 += t_4 * t_4;
            }
            const real t_5 = sum_3 / (real)(2 * H);
            const real t_6 = t_5 + (real)1e-05;
            const real t_7 = real_sqrt(t_6);
            const real t_8 = sum_4 / (real)H;
            const real t_9 = t_8 + (real)1e-05;
            const real t_10 = real_sqrt(t_9);
            kept_v30_2[0] = t_7;
            kept_v74_2[0] = t_10;
            #pragma omp simd
            for (long j = 0; j < 2 * H; j++) {
                /* a = (W.x @ x - mean(W.x @ x)) / sqrt(var(W.x @ x) + 1e-05) * p.gx + p.s... */
                const real a = kept_v8_2[j] / kept_v14_2[0] * p_gx[j] + p_sx[j] + kept_v25_2[j] /
                    t_7 * p_gh[j] + p_sh[j] + b_a[j];
                kept_v39_2[j] = real_sigmoid(a);
            }
            /* n = tanh(new + r * ((W.hn @ h - mean(W.hn @ h)) / sqrt(var(W.hn @ h) + ... */
            #pragma omp simd
            for (long j = 0; j < H; j++)
                kept_n_2[j] = real_tanh(kept_v50_2[j] / kept_v55_2[0] * p_gxn[j] + p_sxn[j] + b_n[j]
                    + kept_v39_2[j] * (kept_v69_2[j] / t_10 * p_ghn[j] + p_shn[j]));
            #pragma omp simd
            for (long j = 0; j < H; j++) {
                /* h = z * h + (1 - z) * n */
                const real h = kept_z[j] * h_before[j] + (1 - kept_z[j]) * kept_n_2[j];
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
    real *const gradient_of_x = call->at[27]; /* X for each row of each step */
    real *const packed_back_h = call->at[38];
    real *const packed_back_x = call->at[39];
    real *const weight_h = call->at[40];
    real *const weight_x = call->at[41];

    algebra->pack_transposed(packed_back_h, weight_h, H, H, 3 * H, slice, call->slices);
    if (gradient_of_x)
        algebra->pack_transposed(packed_back_x, weight_x, X, X, 3 * H, slice, call->slices);
}

/* The gradients of inputs and weights, for all rows of a block of steps. */
static void backward_together(const struct call *call, long slice)
{
    const long H = call->sizes[0], X = call->sizes[1];
    const struct algebra *const algebra = call->algebra;
    real *const gradient_x = call->at[25]; /* 3 * H for each row of each step */
    real *const gradient_h = call->at[26]; /* 3 * H for each row of each step */
    real *const gradient_of_x = call->at[27]; /* X for each row of each step */
    real *const input = call->at[28]; /* X for each row of each step */
    real *const gradient_of_weight_x = call->at[29];
    real *const panels_x = call->at[30]; /* X for each slice */
    real *const state_h = call->at[31]; /* H for each row of each step */
    real *const gradient_of_weight_h = call->at[32];
    real *const panels_h = call->at[33]; /* H for each slice */
    real *const first_h = call->at[34]; /* H for each row */
    real *const packed_back_x = call->at[39];
    const struct span rows = share_of(call, slice, 1);

    /* the gradient of x, through W.x, W.xn */
    if (gradient_of_x)
        algebra->product(
            gradient_of_x + rows.begin * X, X,
            gradient_x + rows.begin * (3 * H), 3 * H, rows.count,
            packed_back_x, (struct part){0, X}, 3 * H, 0);

    const struct span all = rows_of(call, 1);

    /* the gradients of W.x, W.xn, which met x */
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

    /* the gradients of W.h, W.hn, which met h */
    if (gradient_of_weight_h) {
        struct outer of = algebra->outer_of(
            call, slice, gradient_of_weight_h, 3 * H, H,
            gradient_h + all.begin * (3 * H), 3 * H, panels_h);
        algebra->add_states(&of, call, first_h, state_h);
        algebra->add_held(&of);
    }
}

/* A slice of the rows, from the last step to the first. */
static void backward_slice(const struct call *call, long slice)
{
    const long H = call->sizes[0];
    const struct algebra *const algebra = call->algebra;
    real *const next_h = call->at[0]; /* H for each row */
    real *const scratch_batch0 = call->at[1]; /* 2 * H for each row */
    real *const scratch_row3 = call->at[2]; /* H for each slice */
    real *const scratch_row7 = call->at[3]; /* H for each slice */
    real *const sum_vector = call->at[4]; /* 12 * H for each slice */
    real *const sum_bias = call->at[5]; /* 3 * H for each slice */
    real *const kept_v30 = call->at[6]; /* 1 for each row of each step */
    real *const kept_v74 = call->at[7]; /* 1 for each row of each step */
    real *const kept_v14 = call->at[8]; /* 1 for each row of each step */
    real *const kept_v55 = call->at[9]; /* 1 for each row of each step */
    real *const carried_h = call->at[10]; /* H for each row */
    real *const incoming = call->at[11]; /* H for each row of each step */
    real *const kept_v39 = call->at[12]; /* 2 * H for each row of each step */
    real *const kept_n = call->at[13]; /* H for each row of each step */
    real *const kept_v69 = call->at[14]; /* H for each row of each step */
    real *const stored_vector = call->at[15]; /* 12 * H */
    real *const kept_v50 = call->at[16]; /* H for each row of each step */
    real *const scratch_row1 = call->at[17]; /* 2 * H for each slice */
    real *const scratch_row5 = call->at[18]; /* 2 * H for each slice */
    real *const scratch_row4 = call->at[19]; /* H for each slice */
    real *const scratch_row8 = call->at[20]; /* H for each slice */
    real *const kept_v25 = call->at[21]; /* 2 * H for each row of each step */
    real *const kept_v8 = call->at[22]; /* 2 * H for each row of each step */
    real *const scratch_row2 = call->at[23]; /* 2 * H for each slice */
    real *const scratch_row6 = call->at[24]; /* 2 * H for each slice */
    real *const gradient_x = call->at[25]; /* 3 * H for each row of each step */
    real *const gradient_h = call->at[26]; /* 3 * H for each row of each step */
    real *const state_h = call->at[31]; /* H for each row of each step */
    real *const first_h = call->at[34]; /* H for each row */
    real *const side_h = call->at[35]; /* H for each row */
    real *const step_sum_vector = call->at[36]; /* 12 * H for each slice */
    real *const step_sum_bias = call->at[37]; /* 3 * H for each slice */
    real *const packed_back_h = call->at[38];
    const long begin = call->bounds[2 * slice];
    const struct part results = part_of(call, H, algebra->panel);
    clear(call, slice, sum_vector, 12 * H);
    clear(call, slice, sum_bias, 3 * H);
    clear(call, slice, step_sum_vector, 12 * H);
    clear(call, slice, step_sum_bias, 3 * H);

    for (long s = call->from; s < call->to; s++) {
        const struct step now = step_of(call, slice, call->steps - 1 - s);
        if (now.count <= begin)
            continue;
        const real *const before_h = state_before(
            call, now, begin, H, first_h, state_h, side_h);
        const struct part rows = rows_apart(call, begin, now.count);

        for (long r = rows.begin; r < rows.end; r++) {
            const real *const kept_v30_2 = kept_v30 + (now.row + r);
            const real *const kept_v74_2 = kept_v74 + (now.row + r);
            const real *const kept_v14_2 = kept_v14 + (now.row + r);
            const real *const kept_v55_2 = kept_v55 + (now.row + r);
            const real *const incoming_now = incoming + (now.row + r) * H;
            const real *const carried_h_now = carried_h + r * H;
            const real *const kept_z = kept_v39 + (now.row + r) * (2 * H) + H;
            const real *const kept_n_2 = kept_n + (now.row + r) * H;
            const real *const kept_v69_2 = kept_v69 + (now.row + r) * H;
            const real *const p_shn = stored_vector + 11 * H;
            const real *const p_ghn = stored_vector + 10 * H;
            const real *const h_before = before_h + r * H;
            const real *const kept_r = kept_v39 + (now.row + r) * (2 * H);
            const real *const p_gxn = stored_vector + 8 * H;
            const real *const kept_v50_2 = kept_v50 + (now.row + r) * H;
            real *const next_h_now = next_h + r * H;
            real *const d_r_2 = scratch_batch0 + r * (2 * H);
            real *const d_z_2 = scratch_batch0 + r * (2 * H) + H;
            real *const scratch_row3_now = scratch_row3 + slice * H;
            real *const scratch_row7_now = scratch_row7 + slice * H;
            real *const sum_p_gxn = step_sum_vector + slice * (12 * H) + 8 * H;
            real *const sum_p_sxn = step_sum_vector + slice * (12 * H) + 9 * H;
            real *const sum_b_n = step_sum_bias + slice * (3 * H) + 2 * H;
            real *const sum_p_ghn = step_sum_vector + slice * (12 * H) + 10 * H;
            real *const sum_p_shn = step_sum_vector + slice * (12 * H) + 11 * H;
            const real *const p_gh = stored_vector + 4 * H;
            const real *const kept_v25_2 = kept_v25 + (now.row + r) * (2 * H);
            const real *const p_gx = stored_vector;
            const real *const kept_v8_2 = kept_v8 + (now.row + r) * (2 * H);
            real *const scratch_row1_now = scratch_row1 + slice * (2 * H);
            real *const scratch_row5_now = scratch_row5 + slice * (2 * H);
            real *const sum_p_gx = step_sum_vector + slice * (12 * H);
            real *const sum_p_sx = step_sum_vector + slice * (12 * H) + 2 * H;
            real *const sum_p_gh = step_sum_vector + slice * (12 * H) + 4 * H;
            real *const sum_p_sh = step_sum_vector + slice * (12 * H) + 6 * H;
            real *const sum_b_a = step_sum_bias + slice * (3 * H);
            real *const scratch_row4_now = scratch_row4 + slice * H;
            real *const scratch_row8_now = scratch_row8 + slice * H;
            real *const scratch_row2_now = scratch_row2 + slice * (2 * H);
            real *const scratch_row6_now = scratch_row6 + slice * (2 * H);
            real *const to_d_a_n = gradient_x + (now.row + r) * (3 * H) + 2 * H;
            real *const to_d_a_n_2 = gradient_h + (now.row + r) * (3 * H) + 2 * H;
            real *const to_d_a_a = gradient_x + (now.row + r) * (3 * H);
            real *const to_d_a_a_2 = gradient_h + (now.row + r) * (3 * H);
            const real t = 2 * kept_v30_2[0];
            const real t_2 = 2 * kept_v74_2[0];
            const real t_3 = 2 * kept_v14_2[0];
            const real t_4 = 2 * kept_v55_2[0];
            real sum = 0;
            real sum_2 = 0;
            #pragma omp simd reduction(+ : sum, sum_2)
            for (long j = 0; j < H; j++) {
                const real d_h = carried_h_now[j] + incoming_now[j];
                const real d_n = d_h * (1 - kept_z[j]);
                const real t_5 = d_n * (1 - kept_n_2[j] * kept_n_2[j]);
                const real t_6 = kept_v69_2[j] / kept_v74_2[0];
                const real d_r = t_5 * (t_6 * p_ghn[j] + p_shn[j]);
                const real d_z = -(d_h * kept_n_2[j]) + d_h * h_before[j];
                const real t_7 = t_5 * kept_r[j];
                const real t_8 = t_7 * p_ghn[j];
                const real t_9 = t_5 * p_gxn[j];
                const real t_10 = kept_v50_2[j] / kept_v55_2[0];
                next_h_now[j] = d_h * kept_z[j];
                d_r_2[j] = d_r;
                d_z_2[j] = d_z;
                scratch_row3_now[j] = t_8;
                scratch_row7_now[j] = t_9;
                sum_p_gxn[j] += t_5 * t_10;
                sum_p_sxn[j] += t_5;
                sum_b_n[j] += t_5;
                sum_p_ghn[j] += t_7 * t_6;
                sum_p_shn[j] += t_7;
                sum += -(t_8 * (t_6 / kept_v74_2[0]));
                sum_2 += -(t_9 * (t_10 / kept_v55_2[0]));
            }
            const real t_11 = sum / t_2;
            const real t_12 = t_11 / (real)H;
            const real t_13 = sum_2 / t_4;
            const real t_14 = t_13 / (real)H;
            real sum_3 = 0;
            real sum_4 = 0;
            #pragma omp simd reduction(+ : sum_3, sum_4)
            for (long j = 0; j < 2 * H; j++) {
                const real d_a = d_r_2[j] * (1 - kept_r[j]) * kept_r[j];
                const real t_15 = d_a * p_gh[j];
                const real t_16 = kept_v25_2[j] / kept_v30_2[0];
                const real t_17 = d_a * p_gx[j];
                const real t_18 = kept_v8_2[j] / kept_v14_2[0];
                scratch_row1_now[j] = t_15;
                scratch_row5_now[j] = t_17;
                sum_p_gx[j] += d_a * t_18;
                sum_p_sx[j] += d_a;
                sum_p_gh[j] += d_a * t_16;
                sum_p_sh[j] += d_a;
                sum_b_a[j] += d_a;
                sum_3 += -(t_15 * (t_16 / kept_v30_2[0]));
                sum_4 += -(t_17 * (t_18 / kept_v14_2[0]));
            }
            real sum_5 = 0;
            real sum_6 = 0;
            #pragma omp simd reduction(+ : sum_5, sum_6)
            for (long j = 0; j < H; j++) {
                const real t_19 = t_12 * kept_v69_2[j];
                const real t_20 = scratch_row3_now[j] / kept_v74_2[0] + t_19 + t_19;
                const real t_21 = t_14 * kept_v50_2[j];
                const real t_22 = scratch_row7_now[j] / kept_v55_2[0] + t_21 + t_21;
                scratch_row4_now[j] = t_20;
                scratch_row8_now[j] = t_22;
                sum_5 += -t_20;
                sum_6 += -t_22;
            }
            const real t_23 = sum_3 / t;
            const real t_24 = t_23 / (real)(2 * H);
            const real t_25 = sum_5 / (real)H;
            const real t_26 = sum_4 / t_3;
            const real t_27 = t_26 / (real)(2 * H);
            const real t_28 = sum_6 / (real)H;
            real sum_7 = 0;
            real sum_8 = 0;
            #pragma omp simd reduction(+ : sum_7, sum_8)
            for (long j = 0; j < 2 * H; j++) {
                const real t_29 = t_24 * kept_v25_2[j];
                const real t_30 = scratch_row1_now[j] / kept_v30_2[0] + t_29 + t_29;
                const real t_31 = t_27 * kept_v8_2[j];
                const real t_32 = scratch_row5_now[j] / kept_v14_2[0] + t_31 + t_31;
                scratch_row2_now[j] = t_30;
                scratch_row6_now[j] = t_32;
                sum_7 += -t_30;
                sum_8 += -t_32;
            }
            #pragma omp simd
            for (long j = 0; j < H; j++) {
                const real d_a_n = scratch_row4_now[j] + t_25;
                const real d_a_n_2 = scratch_row8_now[j] + t_28;
                to_d_a_n[j] = d_a_n_2;
                to_d_a_n_2[j] = d_a_n;
            }
            const real t_33 = sum_7 / (real)(2 * H);
            const real t_34 = sum_8 / (real)(2 * H);
            #pragma omp simd
            for (long j = 0; j < 2 * H; j++) {
                const real d_a_a = scratch_row2_now[j] + t_33;
                const real d_a_a_2 = scratch_row6_now[j] + t_34;
                to_d_a_a[j] = d_a_a_2;
                to_d_a_a_2[j] = d_a_a;
            }
        }
        meet(call);

        /* the gradient of h, through W.h, W.hn */
        algebra->product(
            next_h + begin * H, H,
            gradient_h + (now.row + begin) * (3 * H), 3 * H, now.count - begin,
            packed_back_h, results, 3 * H, 1);
        meet(call);

        copy_rows(call, carried_h, next_h, begin, now.count, H);
        meet(call);
        add_up(sum_vector + slice * (12 * H), step_sum_vector + slice * (12 * H), 12 * H);
        add_up(sum_bias + slice * (3 * H), step_sum_bias + slice * (3 * H), 3 * H);
    }
}

void backward(const struct call *call)
{
    if (!call->packed)
        run(call, pack_backward);
    run_in_blocks(call, 0, backward_slice, backward_together);
}
