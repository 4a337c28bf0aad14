/*
 * Shortest paths in a random graph: Dijkstra's algorithm with a binary heap that knows where each
 * node lies, so that a key can be lowered. Adjacency in one array; scattered loads.
 */
#include "bench.h"

#define NODES 20000
#define DEGREE 6
#define FAR UINT32_MAX

struct edge {
    uint32_t to, cost;
};

struct queue {
    uint32_t nodes[NODES];
    uint32_t place[NODES]; /* of each node in `nodes`, counted from 1; 0: not queued */
    uint32_t count;
};

static struct edge edges[NODES][DEGREE];
static uint32_t distance[NODES];
static struct queue queue;

static void queue_put(struct queue *q, uint32_t at, uint32_t node)
{
    q->nodes[at] = node;
    q->place[node] = at + 1;
}

static void queue_rise(struct queue *q, uint32_t at)
{
    uint32_t node = q->nodes[at];
    while (at) {
        uint32_t parent = (at - 1) / 2;
        if (distance[q->nodes[parent]] <= distance[node])
            break;
        queue_put(q, at, q->nodes[parent]);
        at = parent;
    }
    queue_put(q, at, node);
}

static uint32_t queue_take(struct queue *q)
{
    uint32_t first = q->nodes[0];
    uint32_t node = q->nodes[--q->count];
    q->place[first] = 0;
    if (!q->count)
        return first;
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= q->count)
            break;
        if (child + 1 < q->count && distance[q->nodes[child + 1]] < distance[q->nodes[child]])
            child++;
        if (distance[q->nodes[child]] >= distance[node])
            break;
        queue_put(q, at, q->nodes[child]);
        at = child;
    }
    queue_put(q, at, node);
    return first;
}

static void node_reach(struct queue *q, uint32_t node, uint32_t new_distance)
{
    if (new_distance >= distance[node])
        return;
    distance[node] = new_distance;
    if (!q->place[node])
        queue_put(q, q->count++, node);
    queue_rise(q, q->place[node] - 1);
}

static uint64_t dijkstra_run(uint32_t sources)
{
    uint64_t sum = 0;
    for (uint32_t source = 0; source < sources; source++) {
        for (uint32_t i = 0; i < NODES; i++)
            distance[i] = FAR;
        node_reach(&queue, source * 101, 0);
        while (queue.count) {
            uint32_t node = queue_take(&queue);
            for (uint32_t i = 0; i < DEGREE; i++)
                node_reach(&queue, edges[node][i].to, distance[node] + edges[node][i].cost);
        }
        for (uint32_t i = 0; i < NODES; i += 7)
            sum = bench_mix(sum, distance[i]);
    }
    return sum;
}

int main(void)
{
    uint32_t seed = 31;
    for (uint32_t i = 0; i < NODES; i++)
        for (uint32_t k = 0; k < DEGREE; k++) {
            edges[i][k].to = k ? bench_rand(&seed) % NODES : (i + 1) % NODES;
            edges[i][k].cost = 1 + bench_rand(&seed) % 1000;
        }
    return bench_run(dijkstra_run, 6);
}
