/*
 * Messages between processes of one CPU: calls, sends, receiving, answering.
 *
 * A call to a process that is free is a switch: a fiber is made for its handler, which runs at once
 * and on the caller's time; its answer switches back. Otherwise the caller waits in the inbox.
 * What a process answers goes to the fiber that waits in that very call, or, when that gave up
 * meanwhile, nowhere.
 */
#ifndef KERNEL_SCHED_MESSAGE_H
#define KERNEL_SCHED_MESSAGE_H

#include "kernel/object/channel.h"
#include "kernel/sched/fiber.h"

/* The running fiber calls, and waits for the answer. Any status that is below zero may also be the
 * callee's own: ERR_PEER_DIED, ERR_WOULD_DEADLOCK, ERR_TIMED_OUT, ERR_NO_MEMORY. */
struct answer message_call(struct channel *channel, const struct message *message,
                           uint64_t timeout_ns);

/* The fiber that waits for what this one is to answer; null. */
struct fiber *message_caller(const struct fiber *fiber);

/* A copy of the message goes its way. ERR_FULL, ERR_PEER_DIED, ERR_NO_MEMORY. */
MUST_CHECK status_t message_send(struct channel *channel, const struct message *message);

/* The running fiber waits for a message, which it then serves if it is a call. ERR_TIMED_OUT; ERR_BUSY:
 * it still serves one. */
MUST_CHECK status_t message_receive(struct message *out, uint64_t deadline_ns);

/* Answers a fiber that waits in that call; false when it doesn't any more. It becomes ready. */
bool message_answer(struct fiber *caller, uint64_t number, const struct answer *answer);

/* What runs on a handler's fiber; the argument is the fiber. */
[[noreturn]] void message_handle(void *argument);

/* A fiber ends without an answer: its caller gets ERR_PEER_DIED. */
void message_abandon(struct fiber *fiber);
/* Everything that waits in a process's inbox: callers get ERR_PEER_DIED. */
void message_flush(struct process *process);

/* A waiting caller that somebody may answer later. */
struct reply {
    struct object object;
    struct list of_holder; /* process.replies */
    struct process *holder;
    struct fiber *caller;
    uint64_t number;
};

/* The caller that a fiber serves, to be answered by whoever has this: a process holds it, and with
 * it the caller gets ERR_PEER_DIED. ERR_NOT_FOUND: the fiber serves nobody; ERR_NO_MEMORY. */
MUST_CHECK status_t reply_new(struct fiber *fiber, struct reply **out);
/* Answers, and ends the reply. */
void reply_answer(struct reply *reply, const struct answer *answer);

#endif
