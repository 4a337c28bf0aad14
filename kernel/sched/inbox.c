/*
 * Queues of waiting messages, by sender.
 */
#include "kernel/sched/inbox.h"

#include <assert.h>

#include "kernel/mem/block.h"
#include "kernel/object/channel.h"
#include "kernel/sched/fiber.h"

struct sender {
    struct inbox *inbox;
    struct list link;     /* inbox.senders */
    struct list messages; /* message.link; never empty */
    const struct channel *channel;
    uint64_t badge;
    uint32_t n_sends;
};

void inbox_init(struct inbox *inbox, struct block_area *blocks)
{
    *inbox = (struct inbox){.blocks = blocks};
    list_init(&inbox->senders);
}

/* Searched from the end, where whoever sends a lot is. */
static struct sender *sender_find(const struct inbox *inbox, const struct channel *channel,
                                  uint64_t badge)
{
    for (struct list *l = inbox->senders.prev; l != &inbox->senders; l = l->prev) {
        struct sender *sender = LIST_OWNER(l, struct sender, link);
        if (sender->badge == badge && sender->channel == channel) {
            return sender;
        }
    }
    return NULL;
}

static status_t sender_new(struct inbox *inbox, const struct channel *channel, uint64_t badge,
                           struct sender **out)
{
    void *block;
    status_t status = block_alloc(inbox->blocks, sizeof(struct sender), &block);
    if (status != STATUS_OK) {
        return status;
    }
    struct sender *sender = block;
    *sender = (struct sender){.inbox = inbox, .channel = channel, .badge = badge};
    list_init(&sender->messages);
    list_add(&inbox->senders, &sender->link);
    *out = sender;
    return STATUS_OK;
}

status_t inbox_put(struct inbox *inbox, const struct channel *channel, struct message *message)
{
    struct sender *sender = sender_find(inbox, channel, message->badge);
    if (sender == NULL) {
        status_t status = sender_new(inbox, channel, message->badge, &sender);
        if (status != STATUS_OK) {
            return status;
        }
    }
    sender->n_sends += message->caller == NULL;
    message->sender = sender;
    list_add(&sender->messages, &message->link);
    inbox->n_messages++;
    return STATUS_OK;
}

uint32_t inbox_sends(const struct inbox *inbox, const struct channel *channel, uint64_t badge)
{
    const struct sender *sender = sender_find(inbox, channel, badge);
    return sender == NULL ? 0 : sender->n_sends;
}

void inbox_forget(struct message *message)
{
    struct sender *sender = message->sender;
    struct inbox *inbox = sender->inbox;
    assert(inbox->n_messages != 0);
    inbox->n_messages--;
    sender->n_sends -= message->caller == NULL;
    message->sender = NULL;
    list_remove(&message->link);
    if (list_is_empty(&sender->messages)) {
        list_remove(&sender->link);
        block_free(inbox->blocks, sender, sizeof *sender);
    }
}

struct message *inbox_take(struct inbox *inbox)
{
    struct list *first = list_first(&inbox->senders);
    if (first == NULL) {
        return NULL;
    }
    struct sender *sender = LIST_OWNER(first, struct sender, link);
    struct message *message = LIST_OWNER(sender->messages.next, struct message, link);
    list_remove(&sender->link); /* the others come first now */
    list_add(&inbox->senders, &sender->link);
    inbox_forget(message);
    return message;
}
