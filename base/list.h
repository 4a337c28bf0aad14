/*
 * A circular list with its links in the members: adding and removing touch only neighbours. A
 * member that is on no list is linked to itself, so that removing it twice is harmless.
 *
 *     struct fiber *f = LIST_OWNER(list_first(&queue), struct fiber, link);
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_OWNER(link, type, member) ((type *)((char *)(link) - offsetof(type, member)))

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

/* null when it is empty */
static inline struct list *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->next;
}

/* Puts a member that is on no list before another, or, before the head, at the end. */
static inline void list_add(struct list *before, struct list *member)
{
    member->prev = before->prev;
    member->next = before;
    before->prev->next = member;
    before->prev = member;
}

static inline void list_add_first(struct list *list, struct list *member)
{
    list_add(list->next, member);
}

static inline void list_remove(struct list *member)
{
    member->prev->next = member->next;
    member->next->prev = member->prev;
    list_init(member);
}

#endif
