/*
 * A ray tracer: spheres over a chequered plane, one light with shadows, mirrors three deep. Small
 * structs of doubles passed by value, square roots, branches, recursion.
 */
#include <math.h>

#include "bench.h"

#define SPHERE_COUNT 9
#define DEPTH_MAX 3
#define FAR 1e30

struct vec {
    double x, y, z;
};

struct sphere {
    struct vec centre;
    double radius;
    double mirror;
    struct vec colour;
};

struct hit {
    double distance;
    struct vec pos, normal, colour;
    double mirror;
};

static struct sphere spheres[SPHERE_COUNT];
static const struct vec light = {-6, 12, -8};

static struct vec vec_add(struct vec a, struct vec b)
{
    return (struct vec){a.x + b.x, a.y + b.y, a.z + b.z};
}

static struct vec vec_sub(struct vec a, struct vec b)
{
    return (struct vec){a.x - b.x, a.y - b.y, a.z - b.z};
}

static struct vec vec_scale(struct vec a, double by)
{
    return (struct vec){a.x * by, a.y * by, a.z * by};
}

static double vec_dot(struct vec a, struct vec b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static struct vec vec_unit(struct vec a)
{
    return vec_scale(a, 1 / sqrt(vec_dot(a, a)));
}

static double sphere_distance(const struct sphere *s, struct vec from, struct vec along)
{
    struct vec to = vec_sub(s->centre, from);
    double nearest = vec_dot(to, along);
    double square = s->radius * s->radius - vec_dot(to, to) + nearest * nearest;
    if (square < 0)
        return FAR;
    double half = sqrt(square);
    if (nearest - half > 1e-6)
        return nearest - half;
    return nearest + half > 1e-6 ? nearest + half : FAR;
}

static int ray_hit(struct vec from, struct vec along, struct hit *hit)
{
    hit->distance = FAR;
    const struct sphere *closest = NULL;
    for (int i = 0; i < SPHERE_COUNT; i++) {
        double distance = sphere_distance(&spheres[i], from, along);
        if (distance < hit->distance) {
            hit->distance = distance;
            closest = &spheres[i];
        }
    }
    double plane = along.y < -1e-9 ? -from.y / along.y : FAR;
    if (plane > 1e-6 && plane < hit->distance) {
        hit->distance = plane;
        hit->pos = vec_add(from, vec_scale(along, plane));
        hit->normal = (struct vec){0, 1, 0};
        hit->mirror = 0.1;
        int is_dark = ((int)floor(hit->pos.x) + (int)floor(hit->pos.z)) & 1;
        hit->colour = is_dark ? (struct vec){0.2, 0.2, 0.2} : (struct vec){0.9, 0.9, 0.8};
        return 1;
    }
    if (!closest)
        return 0;
    hit->pos = vec_add(from, vec_scale(along, hit->distance));
    hit->normal = vec_scale(vec_sub(hit->pos, closest->centre), 1 / closest->radius);
    hit->colour = closest->colour;
    hit->mirror = closest->mirror;
    return 1;
}

static int is_shadowed(struct vec from, struct vec along, double limit)
{
    for (int i = 0; i < SPHERE_COUNT; i++)
        if (sphere_distance(&spheres[i], from, along) < limit)
            return 1;
    return 0;
}

static struct vec ray_colour(struct vec from, struct vec along, int depth)
{
    struct hit hit;
    if (!ray_hit(from, along, &hit))
        return (struct vec){0.3, 0.4, 0.5 + 0.4 * along.y};
    struct vec to_light = vec_sub(light, hit.pos);
    double distance = sqrt(vec_dot(to_light, to_light));
    to_light = vec_scale(to_light, 1 / distance);
    double bright = vec_dot(hit.normal, to_light);
    if (bright < 0 || is_shadowed(hit.pos, to_light, distance))
        bright = 0;
    struct vec colour = vec_scale(hit.colour, 0.15 + 0.85 * bright);
    if (depth == DEPTH_MAX)
        return colour;
    struct vec mirrored = vec_sub(along, vec_scale(hit.normal, 2 * vec_dot(along, hit.normal)));
    struct vec seen = ray_colour(hit.pos, mirrored, depth + 1);
    return vec_add(vec_scale(colour, 1 - hit.mirror), vec_scale(seen, hit.mirror));
}

static uint64_t raytrace_run(uint32_t size)
{
    uint64_t sum = 0;
    struct vec eye = {0, 3, -10};
    for (uint32_t y = 0; y < size; y++)
        for (uint32_t x = 0; x < size; x++) {
            struct vec along = {(x + 0.5) / size - 0.5, 0.4 - (y + 0.5) / size, 1};
            struct vec colour = ray_colour(eye, vec_unit(along), 0);
            sum = bench_mix(sum, (uint64_t)(255 * colour.x) << 32 |
                                     (uint64_t)(255 * colour.y) << 16 | (uint64_t)(255 * colour.z));
        }
    return sum;
}

int main(void)
{
    for (int i = 0; i < SPHERE_COUNT; i++)
        spheres[i] = (struct sphere){{i % 3 * 2.5 - 2.5, 0.8 + i / 3 * 0.4, i / 3 * 2.5 - 2},
                                     0.8 + i % 2 * 0.3,
                                     i % 3 * 0.3,
                                     {0.3 + i % 2 * 0.6, 0.9 - i % 3 * 0.3, 0.2 + i % 4 * 0.2}};
    return bench_run(raytrace_run, 400);
}
