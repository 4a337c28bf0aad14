/*
 * A channel: how messages get to a process. It is made by a process, and ends with it; its server,
 * the process that gets the messages, may be another one, and may end before: then calls fail with
 * ERR_PEER_DIED until the channel has another.
 */
#ifndef KERNEL_OBJECT_CHANNEL_H
#define KERNEL_OBJECT_CHANNEL_H

#include "base/list.h"
#include "kernel/object/object.h"

struct process;

struct channel {
    struct object object;
    struct process *maker, *server; /* server: null when it ended */
    struct list of_maker;           /* process.channels */
    struct list of_server;          /* process.served */
};

/* ERR_NO_MEMORY */
MUST_CHECK status_t channel_new(struct process *maker, struct process *server,
                                struct channel **out);
/* All capabilities to it are dead. Who waits in the server's inbox goes on waiting there. */
void channel_free(struct channel *channel);

#endif
