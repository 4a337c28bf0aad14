/*
 * The module "spectest", which the conformance suites import.
 */
#ifndef TOOLS_SPECTEST_H
#define TOOLS_SPECTEST_H

#include "kernel/embed.h"

MUST_CHECK status_t spectest_provide(struct process *process);

#endif
