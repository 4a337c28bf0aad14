/*
 * Indirect calls through tables of functions: shapes with virtual functions, and an event loop that
 * calls handlers of a state machine. In wasm each is a call_indirect with its check of bounds and
 * type.
 */
#include "bench.h"

#define SHAPE_COUNT 1024
#define STATE_COUNT 4
#define EVENT_COUNT 4

struct shape;

struct shape_class {
    double (*area)(const struct shape *s);
    void (*grow)(struct shape *s, double by);
};

struct shape {
    const struct shape_class *class;
    double a, b;
};

static double circle_area(const struct shape *s)
{
    return 3.141592653589793 * s->a * s->a;
}

static double box_area(const struct shape *s)
{
    return s->a * s->b;
}

static double triangle_area(const struct shape *s)
{
    return 0.5 * s->a * s->b;
}

static void both_grow(struct shape *s, double by)
{
    s->a += by;
    s->b += by;
}

static void first_grow(struct shape *s, double by)
{
    s->a = s->a * 0.5 + by;
}

static const struct shape_class classes[] = {
    {circle_area, first_grow},
    {box_area, both_grow},
    {triangle_area, both_grow},
};

static struct shape shapes[SHAPE_COUNT];

struct context {
    uint32_t counts[STATE_COUNT];
    uint32_t data;
};

typedef uint32_t handler_fn(struct context *cx, uint32_t payload);

static uint32_t on_idle(struct context *cx, uint32_t payload)
{
    cx->counts[0]++;
    return payload & 1 ? 1 : 0;
}

static uint32_t on_start(struct context *cx, uint32_t payload)
{
    cx->counts[1]++;
    cx->data += payload;
    return 2;
}

static uint32_t on_data(struct context *cx, uint32_t payload)
{
    cx->counts[2]++;
    cx->data ^= payload << 3;
    return payload & 8 ? 3 : 2;
}

static uint32_t on_end(struct context *cx, uint32_t payload)
{
    cx->counts[3]++;
    cx->data -= payload;
    return 0;
}

static handler_fn *const handlers[STATE_COUNT][EVENT_COUNT] = {
    {on_idle, on_start, on_idle, on_idle},
    {on_start, on_data, on_data, on_end},
    {on_data, on_data, on_end, on_data},
    {on_end, on_idle, on_start, on_end},
};

static uint64_t shapes_run(uint32_t passes)
{
    for (uint32_t i = 0; i < SHAPE_COUNT; i++)
        shapes[i] = (struct shape){&classes[i * 7 % 3], i % 17, i % 13};
    double total = 0;
    for (uint32_t pass = 0; pass < passes; pass++)
        for (uint32_t i = 0; i < SHAPE_COUNT; i++) {
            struct shape *s = &shapes[i];
            s->class->grow(s, 0.25);
            total += s->class->area(s);
        }
    return bench_bits(total);
}

static uint64_t events_run(uint32_t events)
{
    struct context cx = {{0}, 0};
    uint32_t state = 0, seed = 4;
    for (uint32_t i = 0; i < events; i++) {
        uint32_t event = bench_rand(&seed);
        state = handlers[state][event >> 7 & 3](&cx, event);
    }
    uint64_t sum = cx.data;
    for (int i = 0; i < STATE_COUNT; i++)
        sum = bench_mix(sum, cx.counts[i]);
    return sum;
}

static uint64_t fnptr_run(uint32_t size)
{
    return bench_mix(shapes_run(size), events_run(size * 2000));
}

int main(void)
{
    return bench_run(fnptr_run, 1000);
}
