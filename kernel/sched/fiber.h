/*
 * A fiber: one flow of control in a program, on a stack of its own. A program's _start runs on
 * one; so does each message that its handler is given, for as long as that takes. A process
 * without a fiber costs no stack.
 *
 * The record lies at the top of its stack. Fibers are kept by the CPU and used again; call_number
 * goes on rising, so that whoever remembers a fiber and a number knows whether it is still in that
 * very call.
 *
 * A fiber is on one list at most: the run queue (READY), a sender's queue in an inbox (CALLING,
 * not yet received), the waiters of a process (WAITING). It may have a deadline besides.
 */
#ifndef KERNEL_SCHED_FIBER_H
#define KERNEL_SCHED_FIBER_H

#include "base/list.h"
#include "kernel/process/trap.h"

enum fiber_state : uint8_t {
    FIBER_FREE,
    FIBER_READY,
    FIBER_RUNNING,
    FIBER_CALLING,   /* waits for the answer to a call */
    FIBER_RECEIVING, /* waits for a message */
    FIBER_WAITING,   /* for a process's end, or just for its deadline */
};

#define MESSAGE_WORDS 4u

/* A message as it waits in an inbox: of a call, in the calling fiber; of a send, by itself. */
struct message {
    struct list link;      /* in its sender's queue */
    struct sender *sender; /* null: it isn't in an inbox */
    struct fiber *caller;  /* null: nobody waits for an answer */
    uint64_t badge, tag;
    uint64_t words[MESSAGE_WORDS];
};

/* An answer: a status, or whatever both sides agreed upon, and words. */
struct answer {
    int64_t status;
    uint64_t words[MESSAGE_WORDS];
};

struct fiber {
    struct activation activation; /* first: what a fault ends */
    uint64_t sp;                  /* where it goes on, when it isn't running */
    enum fiber_state state;
    struct process *process;
    struct list link;       /* in the list that the state says */
    struct list of_process; /* process.fibers */
    struct fiber *caller;   /* waits for what this one answers; null */
    uint64_t caller_number; /* in this call */
    uint64_t call_number;
    struct message message; /* that it sends by calling, or that it received */
    struct answer answer;   /* that it got */
    status_t wake_status;   /* why it goes on: STATUS_OK, ERR_TIMED_OUT, ... */
    uint64_t deadline_ns;
    uint64_t
        timeout_ns; /* of a call whose callee hasn't waited yet; 0: none, or it has a deadline */
    uint32_t timer_place; /* in the CPU's heap, from 1; 0: no deadline */
    /* what it runs: entry(code, instance, values) */
    arch_entry_fn entry;
    const void *code;
    void *instance;
    union engine_value values[MESSAGE_WORDS + 2];
    struct fiber *next_free;
};

/* A fiber of a process, ready to be made ready. ERR_NO_SPACE: no stack left. */
MUST_CHECK status_t fiber_new(struct process *process, struct fiber **out);
/* Back to the CPU. Its stack may still be the one in use, until somebody is switched to. */
void fiber_free(struct fiber *fiber);

#endif
