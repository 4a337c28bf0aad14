/*
 * Products of big numbers from 64-bit limbs: 64 x 64 -> 128-bit products and chains of carries,
 * which wasm 2.0 has no instruction for. Computes Fibonacci numbers by doubling, and prints by a
 * checksum.
 */
#include <string.h>

#include "bench.h"

#define LIMBS_MAX 700

struct big {
    uint32_t count;
    uint64_t limbs[LIMBS_MAX];
};

typedef unsigned __int128 wide;

static void big_trim(struct big *n)
{
    while (n->count && n->limbs[n->count - 1] == 0)
        n->count--;
}

static void big_add(struct big *out, const struct big *a, const struct big *b)
{
    uint32_t count = a->count > b->count ? a->count : b->count;
    uint64_t carry = 0;
    for (uint32_t i = 0; i < count; i++) {
        wide sum =
            (wide)(i < a->count ? a->limbs[i] : 0) + (i < b->count ? b->limbs[i] : 0) + carry;
        out->limbs[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
    out->limbs[count] = carry;
    out->count = count + 1;
    big_trim(out);
}

/* out = a - b, for a >= b. */
static void big_sub(struct big *out, const struct big *a, const struct big *b)
{
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        uint64_t minus = i < b->count ? b->limbs[i] : 0;
        wide difference = (wide)a->limbs[i] - minus - borrow;
        out->limbs[i] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
    out->count = a->count;
    big_trim(out);
}

static void big_mul(struct big *out, const struct big *a, const struct big *b)
{
    memset(out->limbs, 0, (a->count + b->count) * sizeof *out->limbs);
    for (uint32_t i = 0; i < a->count; i++) {
        uint64_t carry = 0;
        for (uint32_t j = 0; j < b->count; j++) {
            wide term = (wide)a->limbs[i] * b->limbs[j] + out->limbs[i + j] + carry;
            out->limbs[i + j] = (uint64_t)term;
            carry = (uint64_t)(term >> 64);
        }
        out->limbs[i + b->count] = carry;
    }
    out->count = a->count + b->count;
    big_trim(out);
}

/* F(2k) = F(k) (2 F(k+1) - F(k)), F(2k+1) = F(k)^2 + F(k+1)^2. */
static void fibonacci(uint32_t n, struct big *f, struct big *f_next)
{
    static struct big t1, t2, t3;
    *f = (struct big){.count = 0};
    *f_next = (struct big){.count = 1, .limbs = {1}};
    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
        big_add(&t1, f_next, f_next);
        big_sub(&t2, &t1, f);
        big_mul(&t1, f, &t2);
        big_mul(&t2, f, f);
        big_mul(&t3, f_next, f_next);
        big_add(f_next, &t2, &t3);
        *f = t1;
        if (n & bit) {
            big_add(&t1, f, f_next);
            *f = *f_next;
            *f_next = t1;
        }
    }
}

static uint64_t bignum_run(uint32_t n)
{
    static struct big f, f_next;
    uint64_t sum = 0;
    for (uint32_t times = 0; times < 25; times++) {
        fibonacci(n - times, &f, &f_next);
        for (uint32_t i = 0; i < f.count; i++)
            sum = bench_mix(sum, f.limbs[i]);
    }
    return sum;
}

int main(void)
{
    return bench_run(bignum_run, 60000);
}
