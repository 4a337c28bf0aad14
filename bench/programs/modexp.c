/*
 * Modular exponentiation as RSA has it: 1024 bits, Montgomery's reduction, 32-bit limbs with 64-bit
 * products, one squaring and sometimes one product per bit of the exponent.
 */
#include <string.h>

#include "bench.h"

#define LIMBS 32

static uint32_t modulus[LIMBS], base[LIMBS], exponent[LIMBS];

/* -1 / odd modulo 2^32, by Newton's iteration. */
static uint32_t negative_inverse(uint32_t odd)
{
    uint32_t inverse = odd;
    for (int i = 0; i < 5; i++)
        inverse *= 2 - odd * inverse;
    return -inverse;
}

static int limbs_less(const uint32_t *a, const uint32_t *b)
{
    for (int i = LIMBS - 1; i >= 0; i--)
        if (a[i] != b[i])
            return a[i] < b[i];
    return 0;
}

static uint32_t limbs_sub(uint32_t *a, const uint32_t *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint64_t difference = (uint64_t)a[i] - b[i] - borrow;
        a[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
    return (uint32_t)borrow;
}

/* out = a * b / 2^1024 modulo the modulus. */
static void montgomery_mul(uint32_t *out, const uint32_t *a, const uint32_t *b, uint32_t inverse)
{
    uint32_t t[LIMBS + 2] = {0};
    for (int i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < LIMBS; j++) {
            carry += (uint64_t)a[i] * b[j] + t[j];
            t[j] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += t[LIMBS];
        t[LIMBS] = (uint32_t)carry;
        t[LIMBS + 1] = (uint32_t)(carry >> 32);

        uint32_t factor = t[0] * inverse;
        carry = (uint64_t)factor * modulus[0] + t[0];
        carry >>= 32;
        for (int j = 1; j < LIMBS; j++) {
            carry += (uint64_t)factor * modulus[j] + t[j];
            t[j - 1] = (uint32_t)carry;
            carry >>= 32;
        }
        carry += t[LIMBS];
        t[LIMBS - 1] = (uint32_t)carry;
        t[LIMBS] = t[LIMBS + 1] + (uint32_t)(carry >> 32);
    }
    memcpy(out, t, LIMBS * sizeof *out);
    if (t[LIMBS] || !limbs_less(out, modulus))
        limbs_sub(out, modulus);
}

/* a = 2 a modulo the modulus. */
static void double_modulo(uint32_t *a)
{
    uint32_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint32_t limb = a[i];
        a[i] = limb << 1 | carry;
        carry = limb >> 31;
    }
    if (carry || !limbs_less(a, modulus))
        limbs_sub(a, modulus);
}

static uint64_t modexp_run(uint32_t times)
{
    uint32_t inverse = negative_inverse(modulus[0]);
    uint32_t one[LIMBS] = {1}, power[LIMBS], factor[LIMBS];
    for (int i = 0; i < 32 * LIMBS; i++)
        double_modulo(one);
    memcpy(factor, base, sizeof factor);
    for (int i = 0; i < 32 * LIMBS; i++)
        double_modulo(factor);
    for (uint32_t n = 0; n < times; n++) {
        memcpy(power, one, sizeof power);
        for (int bit = 32 * LIMBS - 1; bit >= 0; bit--) {
            montgomery_mul(power, power, power, inverse);
            if (exponent[bit / 32] >> (bit % 32) & 1)
                montgomery_mul(power, power, factor, inverse);
        }
        memcpy(factor, power, sizeof factor);
    }
    static const uint32_t plain_one[LIMBS] = {1};
    montgomery_mul(power, power, plain_one, inverse);
    uint64_t sum = 0;
    for (int i = 0; i < LIMBS; i++)
        sum = bench_mix(sum, power[i]);
    return sum;
}

int main(void)
{
    uint32_t seed = 77;
    for (int i = 0; i < LIMBS; i++) {
        modulus[i] = bench_rand(&seed);
        base[i] = bench_rand(&seed);
        exponent[i] = bench_rand(&seed);
    }
    modulus[0] |= 1;
    modulus[LIMBS - 1] |= 1u << 31;
    base[LIMBS - 1] >>= 1;
    return bench_run(modexp_run, 8);
}
