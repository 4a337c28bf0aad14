/*
 * Particles that attract each other, in structure-of-arrays form on vectors of four floats: square
 * roots, divisions, broadcasts, and sums over lanes.
 */
#include "bench.h"

#define PARTICLES 1024

typedef float vec4 __attribute__((vector_size(16)));

static vec4 pos_x[PARTICLES / 4], pos_y[PARTICLES / 4], pos_z[PARTICLES / 4], mass[PARTICLES / 4];
static vec4 speed_x[PARTICLES / 4], speed_y[PARTICLES / 4], speed_z[PARTICLES / 4];

static vec4 vec_sqrt(vec4 v)
{
    return __builtin_elementwise_sqrt(v);
}

static float lanes_sum(vec4 v)
{
    return (v[0] + v[2]) + (v[1] + v[3]);
}

static void particle_pull(uint32_t i, float step)
{
    uint32_t group = i / 4, lane = i % 4;
    float x = pos_x[group][lane], y = pos_y[group][lane], z = pos_z[group][lane];
    vec4 fx = {0}, fy = {0}, fz = {0};
    for (uint32_t j = 0; j < PARTICLES / 4; j++) {
        vec4 dx = pos_x[j] - x, dy = pos_y[j] - y, dz = pos_z[j] - z;
        vec4 square = dx * dx + dy * dy + dz * dz + 0.01f;
        vec4 pull = mass[j] / (square * vec_sqrt(square));
        fx += dx * pull;
        fy += dy * pull;
        fz += dz * pull;
    }
    speed_x[group][lane] += lanes_sum(fx) * step;
    speed_y[group][lane] += lanes_sum(fy) * step;
    speed_z[group][lane] += lanes_sum(fz) * step;
}

static uint64_t nbody_run(uint32_t steps)
{
    uint32_t seed = 35;
    for (uint32_t i = 0; i < PARTICLES / 4; i++)
        for (uint32_t lane = 0; lane < 4; lane++) {
            pos_x[i][lane] = (float)bench_rand_unit(&seed);
            pos_y[i][lane] = (float)bench_rand_unit(&seed);
            pos_z[i][lane] = (float)bench_rand_unit(&seed);
            mass[i][lane] = (float)bench_rand_unit(&seed);
            speed_x[i][lane] = speed_y[i][lane] = speed_z[i][lane] = 0;
        }
    for (uint32_t n = 0; n < steps; n++) {
        for (uint32_t i = 0; i < PARTICLES; i++)
            particle_pull(i, 0.0001f);
        for (uint32_t i = 0; i < PARTICLES / 4; i++) {
            pos_x[i] += speed_x[i] * 0.01f;
            pos_y[i] += speed_y[i] * 0.01f;
            pos_z[i] += speed_z[i] * 0.01f;
        }
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < PARTICLES / 4; i++)
        sum = bench_mix(sum, bench_bits((double)(pos_x[i][0] + speed_y[i][1] + speed_z[i][2])));
    return sum;
}

int main(void)
{
    return bench_run(nbody_run, 20);
}
