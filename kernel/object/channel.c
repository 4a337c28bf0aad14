/*
 * Channels: their ends.
 */
#include "kernel/object/channel.h"

#include "kernel/cpu.h"
#include "kernel/process/process.h"

status_t channel_new(struct process *maker, struct process *server, struct channel **out)
{
    struct object *object;
    status_t status = object_new(&maker->home->channels, &object);
    if (status != STATUS_OK) {
        return status;
    }
    struct channel *channel = (struct channel *)object;
    channel->maker = maker;
    channel->server = server;
    list_add(&maker->channels, &channel->of_maker);
    list_add(&server->served, &channel->of_server);
    *out = channel;
    return STATUS_OK;
}

void channel_free(struct channel *channel)
{
    struct cpu *cpu = channel->maker->home;
    list_remove(&channel->of_maker);
    if (channel->server != NULL) {
        list_remove(&channel->of_server);
    }
    object_free(&cpu->channels, &channel->object);
}
