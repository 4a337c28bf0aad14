/*
 * Whole-number division in its kinds: by variables and by constants, signed and unsigned, 32 and 64
 * bits: greatest common divisors, Collatz sequences, primes by trial, digits, dates from days.
 */
#include "bench.h"

static uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static uint32_t collatz_len(uint64_t n)
{
    uint32_t len = 1;
    for (; n != 1; len++)
        n = n % 2 ? 3 * n + 1 : n / 2;
    return len;
}

static int is_prime(uint64_t n)
{
    for (uint64_t d = 2; d * d <= n; d++)
        if (n % d == 0)
            return 0;
    return n > 1;
}

static uint32_t digits_sum(uint64_t n)
{
    uint32_t sum = 0;
    for (; n; n /= 10)
        sum += (uint32_t)(n % 10);
    return sum;
}

/* Year * 10000 + month * 100 + day, of the days since 1970-01-01. */
static int32_t date_from_days(int32_t days)
{
    days += 719468;
    int32_t era = (days >= 0 ? days : days - 146096) / 146097;
    int32_t day = days - era * 146097;
    int32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    int32_t month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5 - 1;
    month = month < 10 ? month + 3 : month - 9;
    return (year + era * 400 + (month <= 2)) * 10000 + month * 100 + day;
}

static uint64_t divide_run(uint32_t n)
{
    uint64_t sum = 0;
    uint32_t seed = 13;
    for (uint32_t i = 1; i <= n; i++) {
        sum += gcd(bench_rand(&seed), i);
        sum += collatz_len(i);
        sum += digits_sum(sum * i);
        sum = bench_mix(sum, (uint64_t)date_from_days((int32_t)(i * 37) - 400000));
    }
    for (uint64_t p = 0; p < n; p += 16)
        sum += (uint64_t)is_prime(1000000000 + p);
    return sum;
}

int main(void)
{
    return bench_run(divide_run, 100000);
}
