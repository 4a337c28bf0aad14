/*
 * n-body: five bodies of the outer solar system (units: AU, year / 365.24 days, solar mass scaled
 * by 4 pi^2), moved by a symplectic integrator. Double arithmetic in long dependency chains:
 * divisions, square roots, and loads with small constant offsets.
 */
#include <math.h>
#include <string.h>

#include "bench.h"

#define BODY_COUNT 5
#define SOLAR_MASS 39.47841760435743
#define YEAR_DAYS 365.24

struct body {
    double pos[3];
    double speed[3];
    double mass;
};

static const struct body bodies_at_start[BODY_COUNT] = {
    {{0, 0, 0}, {0, 0, 0}, SOLAR_MASS},
    {{4.84143144246472090, -1.16032004402742839, -0.103622044471123109},
     {0.00166007664274403694 * YEAR_DAYS, 0.00769901118419740425 * YEAR_DAYS,
      -0.0000690460016972063023 * YEAR_DAYS},
     0.000954791938424326609 * SOLAR_MASS},
    {{8.34336671824457987, 4.12479856412430479, -0.403523417114321381},
     {-0.00276742510726411008 * YEAR_DAYS, 0.00499852801234917238 * YEAR_DAYS,
      0.0000230417297573763929 * YEAR_DAYS},
     0.000285885980666130812 * SOLAR_MASS},
    {{12.8943695621391310, -15.1111514016986312, -0.223307578892655734},
     {0.00296460137564761618 * YEAR_DAYS, 0.00237847173959480950 * YEAR_DAYS,
      -0.0000296589568540237556 * YEAR_DAYS},
     0.0000436624404335156298 * SOLAR_MASS},
    {{15.3796971148509165, -25.9193146099879641, 0.179258772950371181},
     {0.00268067772490389322 * YEAR_DAYS, 0.00162824170038242295 * YEAR_DAYS,
      -0.0000951592254519715870 * YEAR_DAYS},
     0.0000515138902046611451 * SOLAR_MASS},
};

static struct body bodies[BODY_COUNT];

/* The sun gets the speed that makes the sum of all momenta zero. */
static void momentum_cancel(void)
{
    for (int axis = 0; axis < 3; axis++) {
        double momentum = 0;
        for (int i = 0; i < BODY_COUNT; i++)
            momentum += bodies[i].speed[axis] * bodies[i].mass;
        bodies[0].speed[axis] = -momentum / SOLAR_MASS;
    }
}

static void pair_attract(struct body *a, struct body *b, double step)
{
    double dx = a->pos[0] - b->pos[0];
    double dy = a->pos[1] - b->pos[1];
    double dz = a->pos[2] - b->pos[2];
    double square = dx * dx + dy * dy + dz * dz;
    double pull = step / (square * sqrt(square));
    double by_a = a->mass * pull;
    double by_b = b->mass * pull;
    a->speed[0] -= dx * by_b;
    a->speed[1] -= dy * by_b;
    a->speed[2] -= dz * by_b;
    b->speed[0] += dx * by_a;
    b->speed[1] += dy * by_a;
    b->speed[2] += dz * by_a;
}

static void bodies_advance(double step)
{
    for (int i = 0; i < BODY_COUNT; i++)
        for (int j = i + 1; j < BODY_COUNT; j++)
            pair_attract(&bodies[i], &bodies[j], step);
    for (int i = 0; i < BODY_COUNT; i++)
        for (int axis = 0; axis < 3; axis++)
            bodies[i].pos[axis] += step * bodies[i].speed[axis];
}

static double energy_total(void)
{
    double energy = 0;
    for (int i = 0; i < BODY_COUNT; i++) {
        const struct body *a = &bodies[i];
        double square =
            a->speed[0] * a->speed[0] + a->speed[1] * a->speed[1] + a->speed[2] * a->speed[2];
        energy += 0.5 * a->mass * square;
        for (int j = i + 1; j < BODY_COUNT; j++) {
            const struct body *b = &bodies[j];
            double dx = a->pos[0] - b->pos[0];
            double dy = a->pos[1] - b->pos[1];
            double dz = a->pos[2] - b->pos[2];
            energy -= a->mass * b->mass / sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return energy;
}

static uint64_t nbody_run(uint32_t steps)
{
    memcpy(bodies, bodies_at_start, sizeof bodies);
    momentum_cancel();
    double before = energy_total();
    for (uint32_t i = 0; i < steps; i++)
        bodies_advance(0.01);
    return bench_mix(bench_bits(before), bench_bits(energy_total()));
}

int main(void)
{
    return bench_run(nbody_run, 400000);
}
