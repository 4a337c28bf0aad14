/*
 * Calls about channels and messages.
 */
#include <string.h>

#include "kernel/call/calls.h"
#include "kernel/call/sys.h"
#include "kernel/sched/message.h"
#include "kernel/sched/sched.h"

#define CALL_TIMEOUT_NS UINT64_C(60000000000) /* a minute, where nothing else is asked for */

static status_t channel_find(struct process *process, handle_t handle, uint16_t rights,
                             struct cap **out)
{
    return cap_find(&process->caps, handle, PERMIT(OBJECT_CHANNEL, rights), out);
}

int32_t sys_channel_new(int32_t server, void *ptr)
{
    struct process *maker = sys_process(ptr), *receiver = maker;
    if (server != HANDLE_NONE) {
        struct cap *cap;
        status_t status =
            cap_find(&maker->caps, server, PERMIT(OBJECT_PROCESS, RIGHT_PROCESS_START), &cap);
        if (status != STATUS_OK) {
            return status;
        }
        receiver = (struct process *)cap->object;
    }
    if (process_state(receiver) == PROCESS_ENDED) {
        return ERR_PEER_DIED;
    }
    status_t status = cap_reserve(&maker->caps, &maker->home->cap_memory, 1);
    struct channel *channel;
    if (status == STATUS_OK) {
        status = channel_new(maker, receiver, &channel);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct cap cap = cap_to(&channel->object, RIGHTS_ALL, 0);
    return cap_add(&maker->caps, &cap);
}

int32_t sys_channel_badge(int32_t handle, int32_t rights, uint64_t badge, void *ptr)
{
    struct process *process = sys_process(ptr);
    struct cap *cap, copy;
    status_t status = channel_find(process, handle, RIGHT_CHANNEL_BADGE, &cap);
    if (status == STATUS_OK) {
        status = cap_copy(&process->caps, handle, (uint16_t)(rights & RIGHTS_ALL), &copy);
    }
    if (status != STATUS_OK) {
        return status;
    }
    copy.badge = badge;
    return sys_handle_add(process, &copy);
}

/* The registers of a message. */
static struct message message_of(uint64_t badge, uint64_t tag, uint64_t w0, uint64_t w1,
                                 uint64_t w2, uint64_t w3)
{
    return (struct message){.badge = badge, .tag = tag, .words = {w0, w1, w2, w3}};
}

int32_t sys_channel_send(int32_t handle, uint64_t tag, uint64_t w0, uint64_t w1, uint64_t w2,
                         uint64_t w3, void *ptr)
{
    struct cap *cap;
    status_t status = channel_find(sys_process(ptr), handle, RIGHT_CHANNEL_SEND, &cap);
    if (status != STATUS_OK) {
        return status;
    }
    struct message message = message_of(cap->badge, tag, w0, w1, w2, w3);
    return message_send((struct channel *)cap->object, &message);
}

void sys_call(int32_t handle, uint64_t tag, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3,
              void *ptr, struct answer *out)
{
    struct cap *cap;
    status_t status = channel_find(sys_process(ptr), handle, RIGHT_CHANNEL_CALL, &cap);
    if (status == STATUS_OK && sched_current() == NULL) {
        status = ERR_UNSUPPORTED; /* an embedder's call can't wait */
    }
    if (status != STATUS_OK) {
        *out = (struct answer){.status = status};
        return;
    }
    struct message message = message_of(cap->badge, tag, w0, w1, w2, w3);
    *out = message_call((struct channel *)cap->object, &message, CALL_TIMEOUT_NS);
}

void sys_receive(uint64_t deadline_ns, void *ptr, struct received *out)
{
    (void)ptr;
    struct message message = {};
    *out = (struct received){.status = ERR_UNSUPPORTED};
    if (sched_current() != NULL) {
        out->status = message_receive(&message, deadline_ns);
        out->badge = message.badge;
        out->tag = message.tag;
        memcpy(out->words, message.words, sizeof out->words);
    }
}

int32_t sys_reply_later(void *ptr)
{
    struct process *process = sys_process(ptr);
    struct fiber *fiber = sched_current();
    if (fiber == NULL) {
        return ERR_UNSUPPORTED;
    }
    struct reply *reply;
    status_t status = cap_reserve(&process->caps, &process->home->cap_memory, 1);
    if (status == STATUS_OK) {
        status = reply_new(fiber, &reply);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct cap cap = cap_to(&reply->object, RIGHT_REPLY_ANSWER, 0);
    return cap_add(&process->caps, &cap);
}

int32_t sys_reply(int32_t handle, uint64_t status, uint64_t w0, uint64_t w1, uint64_t w2,
                  uint64_t w3, void *ptr)
{
    struct process *process = sys_process(ptr);
    struct answer answer = {.status = (int64_t)status, .words = {w0, w1, w2, w3}};
    struct fiber *me = sched_current();
    if (handle == HANDLE_NONE) { /* whom the caller serves just now */
        bool is_served = me != NULL && message_answer(me->caller, me->caller_number, &answer);
        if (me != NULL) {
            me->caller = NULL;
        }
        return is_served ? STATUS_OK : ERR_NOT_FOUND;
    }
    struct cap *cap, taken;
    status_t found =
        cap_find(&process->caps, handle, PERMIT(OBJECT_REPLY, RIGHT_REPLY_ANSWER), &cap);
    if (found == STATUS_OK) {
        found = cap_take(&process->caps, &process->home->cap_memory, handle, &taken);
    }
    if (found != STATUS_OK) {
        return found;
    }
    reply_answer((struct reply *)taken.object, &answer);
    return STATUS_OK;
}
