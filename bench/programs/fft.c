/*
 * Fast Fourier transform there and back, radix 2, in place: strided double loads, bit reversal. The
 * twiddle factors come from repeated half-angle formulas, so that no libm is involved.
 */
#include <math.h>

#include "bench.h"

#define SIZE_LOG 14
#define SIZE (1u << SIZE_LOG)

struct complex64 {
    double re, im;
};

static struct complex64 signal[SIZE], twiddle[SIZE / 2];

/*
 * e^(i pi k / (size / 2)) for all k, each from an earlier one by a rotation of twice-halved angles.
 */
static void twiddle_init(void)
{
    double cosine = -1, sine = 0;
    twiddle[0] = (struct complex64){1, 0};
    for (uint32_t step = SIZE / 2; step > 1; step /= 2) {
        double half = sqrt((1 + cosine) / 2);
        sine = cosine == -1 ? 1 : sine / (2 * half);
        cosine = half;
        for (uint32_t k = 0; k < SIZE / 2; k += step) {
            struct complex64 t = twiddle[k];
            twiddle[k + step / 2] =
                (struct complex64){t.re * cosine - t.im * sine, t.re * sine + t.im * cosine};
        }
    }
}

static void bits_reverse(struct complex64 *a)
{
    for (uint32_t i = 0, j = 0; i < SIZE; i++) {
        if (i < j) {
            struct complex64 held = a[i];
            a[i] = a[j];
            a[j] = held;
        }
        uint32_t bit = SIZE >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
    }
}

/* `sign` 1: forward; -1: back, not scaled. */
static void fft(struct complex64 *a, double sign)
{
    bits_reverse(a);
    for (uint32_t half = 1; half < SIZE; half *= 2)
        for (uint32_t start = 0; start < SIZE; start += 2 * half)
            for (uint32_t k = 0; k < half; k++) {
                struct complex64 w = twiddle[k * (SIZE / 2 / half)];
                struct complex64 *low = &a[start + k], *high = &a[start + k + half];
                double im = sign * w.im;
                double re_turned = high->re * w.re - high->im * im;
                double im_turned = high->re * im + high->im * w.re;
                *high = (struct complex64){low->re - re_turned, low->im - im_turned};
                *low = (struct complex64){low->re + re_turned, low->im + im_turned};
            }
}

static uint64_t fft_run(uint32_t times)
{
    uint32_t seed = 8;
    for (uint32_t i = 0; i < SIZE; i++)
        signal[i] = (struct complex64){bench_rand_unit(&seed), 0};
    for (uint32_t n = 0; n < times; n++) {
        fft(signal, 1);
        fft(signal, -1);
        for (uint32_t i = 0; i < SIZE; i++) {
            signal[i].re /= SIZE;
            signal[i].im /= SIZE;
        }
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SIZE; i += 13)
        sum = bench_mix(sum, bench_bits(signal[i].re));
    return sum;
}

int main(void)
{
    twiddle_init();
    return bench_run(fft_run, 25);
}
