/*
 * An inbox: the messages that wait for a process.
 *
 * Each sender (a channel and a badge) has a queue of its own, and the queues are served in turn, so
 * that a flood delays nobody but itself. A call waits in the calling fiber, so it needs no memory;
 * a send is copied into a block. A sender may have SENDER_MAX_SENDS of those waiting; then it is
 * told so.
 */
#ifndef KERNEL_SCHED_INBOX_H
#define KERNEL_SCHED_INBOX_H

#include <stdint.h>

#include "base/list.h"
#include "base/status.h"

struct block_area;
struct channel;
struct message;

#define SENDER_MAX_SENDS 64u

struct inbox {
    struct block_area *blocks; /* of the CPU, for queues */
    struct list senders;       /* that have something waiting; the next to be served first */
    uint32_t n_messages;
};

void inbox_init(struct inbox *inbox, struct block_area *blocks);

/* The message waits, behind those of the same sender. ERR_NO_MEMORY. */
MUST_CHECK status_t inbox_put(struct inbox *inbox, const struct channel *channel,
                              struct message *message);
/* How many sends of that sender wait. */
uint32_t inbox_sends(const struct inbox *inbox, const struct channel *channel, uint64_t badge);
/* The next one, off its queue; null. */
struct message *inbox_take(struct inbox *inbox);
/* Takes a message out that is in some inbox. */
void inbox_forget(struct message *message);

#endif
