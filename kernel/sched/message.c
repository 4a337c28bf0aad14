/*
 * The ways of a message.
 */
#include "kernel/sched/message.h"

#include <assert.h>

#include "kernel/cpu.h"
#include "kernel/process/process.h"
#include "kernel/sched/sched.h"

static struct answer answer_status(status_t status)
{
    return (struct answer){.status = status};
}

static void message_copy(struct message *to, const struct message *from)
{
    to->caller = from->caller;
    to->badge = from->badge;
    to->tag = from->tag;
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++) {
        to->words[i] = from->words[i];
    }
}

/* ---- giving a message to a process ---- */

/* Who called is served by this fiber from here on. */
static void serve(struct fiber *fiber, const struct message *message)
{
    fiber->caller = message->caller;
    fiber->caller_number = message->caller == NULL ? 0 : message->caller->call_number;
}

/* A fiber for the handler, with the message as its arguments. */
static status_t handler_begin(struct process *server, const struct message *message,
                              struct fiber **out)
{
    struct fiber *fiber;
    status_t status = fiber_new(server, &fiber);
    if (status != STATUS_OK) {
        return status;
    }
    serve(fiber, message);
    fiber->values[0].i64 = message->badge;
    fiber->values[1].i64 = message->tag;
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++) {
        fiber->values[i + 2].i64 = message->words[i];
    }
    fiber->sp = arch_flow_new(fiber, message_handle, fiber);
    server->handler.n_running++;
    *out = fiber;
    return STATUS_OK;
}

static bool handler_is_free(const struct process *server)
{
    return server->handler.entry != NULL && server->handler.n_running < server->handler.n_max;
}

static struct fiber *receiver_of(const struct process *server)
{
    struct list *first = list_first(&server->receivers);
    return first == NULL ? NULL : LIST_OWNER(first, struct fiber, link);
}

/*
 * The fiber that takes the message now, not yet ready: of the handler, or one that waits to
 * receive. Null, and STATUS_OK: the message has to wait.
 */
static status_t message_deliver(struct process *server, const struct message *message,
                                struct fiber **out)
{
    *out = NULL;
    if (process_state(server) != PROCESS_RUNNING || server->inbox.n_messages != 0) {
        return STATUS_OK;
    }
    if (handler_is_free(server)) {
        return handler_begin(server, message, out);
    }
    struct fiber *receiver = receiver_of(server);
    if (receiver != NULL) {
        sched_forget(receiver);
        message_copy(&receiver->message, message);
        serve(receiver, message);
        receiver->wake_status = STATUS_OK;
        *out = receiver;
    }
    return STATUS_OK;
}

/* ---- calls ---- */

/* The fiber, if it still waits in that call; else null. */
static struct fiber *waiting_caller(struct fiber *caller, uint64_t number)
{
    bool is_waiting =
        caller != NULL && caller->state == FIBER_CALLING && caller->call_number == number;
    return is_waiting ? caller : NULL;
}

struct fiber *message_caller(const struct fiber *fiber)
{
    return waiting_caller(fiber->caller, fiber->caller_number);
}

/* Whether a call of the server would wait for what the caller itself holds up: the server is in the
 * chain of those that wait for this fiber, and can't take one more. */
static bool would_deadlock(const struct fiber *fiber, const struct process *server)
{
    if (handler_is_free(server)) {
        return false;
    }
    while (fiber != NULL) {
        if (fiber->process == server) {
            return true;
        }
        fiber = message_caller(fiber);
    }
    return false;
}

struct answer message_call(struct channel *channel, const struct message *message,
                           uint64_t timeout_ns)
{
    struct fiber *me = sched_current(), *callee;
    struct process *server = channel->server;
    if (server == NULL) {
        return answer_status(ERR_PEER_DIED);
    }
    if (would_deadlock(me, server)) {
        return answer_status(ERR_WOULD_DEADLOCK);
    }
    message_copy(&me->message, message);
    me->message.caller = me;
    status_t status = message_deliver(server, &me->message, &callee);
    if (status == STATUS_OK && callee == NULL) {
        status = inbox_put(&server->inbox, channel, &me->message);
    }
    if (status != STATUS_OK) {
        return answer_status(status);
    }
    me->state = FIBER_CALLING;
    me->answer = answer_status(ERR_PEER_DIED);
    if (callee != NULL) {
        status = sched_block_for(callee, timeout_ns);
    } else {
        status = sched_block(arch_time_ns() + timeout_ns);
    }
    return status == STATUS_OK ? me->answer : answer_status(status);
}

bool message_answer(struct fiber *caller, uint64_t number, const struct answer *answer)
{
    caller = waiting_caller(caller, number);
    if (caller == NULL) {
        return false;
    }
    caller->answer = *answer;
    sched_wake(caller, STATUS_OK);
    return true;
}

/* ---- sends ---- */

status_t message_send(struct channel *channel, const struct message *message)
{
    struct process *server = channel->server;
    if (server == NULL) {
        return ERR_PEER_DIED;
    }
    struct fiber *taker;
    status_t status = message_deliver(server, message, &taker);
    if (status != STATUS_OK) {
        return status;
    }
    if (taker != NULL) {
        sched_ready(taker);
        return STATUS_OK;
    }
    if (inbox_sends(&server->inbox, channel, message->badge) >= SENDER_MAX_SENDS) {
        return ERR_FULL;
    }
    void *block;
    status = block_alloc(&server->home->blocks, sizeof *message, &block);
    if (status != STATUS_OK) {
        return status;
    }
    struct message *copy = block;
    *copy = *message;
    list_init(&copy->link);
    status = inbox_put(&server->inbox, channel, copy);
    if (status != STATUS_OK) {
        block_free(&server->home->blocks, copy, sizeof *copy);
    }
    return status;
}

/* ---- receiving ---- */

/* The next message of the inbox, which frees what a send took. False: there is none. */
static bool inbox_next(struct process *process, struct message *out)
{
    struct message *message = inbox_take(&process->inbox);
    if (message == NULL) {
        return false;
    }
    message_copy(out, message);
    if (message->caller == NULL) {
        block_free(&process->home->blocks, message, sizeof *message);
    }
    return true;
}

status_t message_receive(struct message *out, uint64_t deadline_ns)
{
    struct fiber *me = sched_current();
    struct process *process = me->process;
    if (me->caller != NULL) {
        return ERR_BUSY;
    }
    if (inbox_next(process, out)) {
        serve(me, out);
        return STATUS_OK;
    }
    me->state = FIBER_RECEIVING;
    list_add(&process->receivers, &me->link);
    status_t status = sched_block(deadline_ns);
    message_copy(out, &me->message);
    return status;
}

/* ---- the handler's end ---- */

/* The handler's fiber is done: takes the next message, if there is one, on a fresh fiber. */
static void handler_next(struct process *process)
{
    struct message message;
    struct fiber *fiber;
    process->handler.n_running--;
    if (process_state(process) != PROCESS_RUNNING || !inbox_next(process, &message)) {
        return;
    }
    if (handler_begin(process, &message, &fiber) == STATUS_OK) {
        sched_ready(fiber);
    } else if (message.caller != NULL) { /* can't happen: the fiber that was just freed is there */
        struct answer answer = answer_status(ERR_NO_SPACE);
        (void)message_answer(message.caller, message.caller->call_number, &answer);
    }
}

[[noreturn]] void message_handle(void *argument)
{
    struct fiber *me = argument;
    struct process *process = me->process;
    const struct handler *handler = &process->handler;
    handler->entry(handler->code, handler->instance, me->values, NULL);
    struct answer answer = {.status = (int64_t)me->values[0].i64};
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++) {
        answer.words[i] = me->values[i + 1].i64;
    }
    struct fiber *caller = me->caller;
    bool is_answered = message_answer(caller, me->caller_number, &answer);
    fiber_free(me);
    handler_next(process);
    sched_leave(is_answered ? sched_take(caller) : NULL);
}

/* ---- answering later ---- */

status_t reply_new(struct fiber *fiber, struct reply **out)
{
    struct process *process = fiber->process;
    struct object *object;
    if (waiting_caller(fiber->caller, fiber->caller_number) == NULL) {
        return ERR_NOT_FOUND;
    }
    status_t status = object_new(&process->home->replies, &object);
    if (status != STATUS_OK) {
        return status;
    }
    struct reply *reply = (struct reply *)object;
    reply->holder = process;
    reply->caller = fiber->caller;
    reply->number = fiber->caller_number;
    list_add(&process->replies, &reply->of_holder);
    fiber->caller = NULL;
    *out = reply;
    return STATUS_OK;
}

void reply_answer(struct reply *reply, const struct answer *answer)
{
    (void)message_answer(reply->caller, reply->number, answer);
    list_remove(&reply->of_holder);
    object_free(&reply->holder->home->replies, &reply->object);
}

/* ---- ends ---- */

void message_abandon(struct fiber *fiber)
{
    struct answer answer = answer_status(ERR_PEER_DIED);
    (void)message_answer(fiber->caller, fiber->caller_number, &answer);
    fiber->caller = NULL;
}

void message_flush(struct process *process)
{
    struct answer answer = answer_status(ERR_PEER_DIED);
    struct message message;
    while (inbox_next(process, &message)) {
        if (message.caller != NULL) {
            (void)message_answer(message.caller, message.caller->call_number, &answer);
        }
    }
}
