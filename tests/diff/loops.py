"""Loops over memory: what a vectoriser looks for, and what it must not take for that.

Each function is one innermost loop of one block, as LLVM leaves them: unrolled a few times,
pointers or an index going in steps, loads and stores of elements next to them, sums of integers.
What it is called with decides whether ranges overlap, leave the memory or wrap: starts are close
to each other, to the memory's end and to 2^32, counts small, negative or zero.
"""

import os
import random
import subprocess

import plan

MEMORY_BYTES = 65536
N_FUNCS = 6
N_CALLS = 6

# element: (bytes, load, store, operations of two arguments, of one)
FLOAT_OPS = ("add", "sub", "mul", "div", "min", "max"), ("abs", "neg", "sqrt", "floor", "nearest")
INT_OPS = ("add", "sub", "and", "or", "xor", "mul", "shl", "shr_s", "shr_u"), ()
NARROW_OPS = ("add", "sub", "and", "or", "xor", "mul", "shl"), ()
ELEMENTS = {
    "i8": (1, "i32", ("i32.load8_u", "i32.load8_s"), "i32.store8", NARROW_OPS),
    "i16": (2, "i32", ("i32.load16_u", "i32.load16_s"), "i32.store16", NARROW_OPS),
    "i32": (4, "i32", ("i32.load",), "i32.store", INT_OPS),
    "i64": (8, "i64", ("i64.load",), "i64.store", INT_OPS),
    "f32": (4, "f32", ("f32.load",), "f32.store", FLOAT_OPS),
    "f64": (8, "f64", ("f64.load",), "f64.store", FLOAT_OPS),
}
COMPARES = {"i": ("eq", "ne", "lt_s", "lt_u", "ge_s", "gt_u"), "f": ("eq", "ne", "lt", "ge")}
SUMS = ("add", "xor", "and", "or")


class Loop:
    """The text of a function: (param $p0 $p1 $p2 i32) (param $n i32) (param $k type)."""

    def __init__(self, rng, name):
        self.rng, self.name = rng, name
        self.element = rng.choice(list(ELEMENTS))
        self.size, self.type, self.loads, self.store, (self.ops2, self.ops1) = \
            ELEMENTS[self.element]
        self.n_copies = rng.choice((1, 1, 2, 2, 2, 3, 4, 5))
        self.has_index = rng.random() < 0.4  # one index and three bases; or three pointers
        self.step = self.size * self.n_copies
        if rng.random() < 0.06:
            self.step = rng.choice((-self.step, self.step + self.size, 2 * self.step))
        self.has_sum = self.type[0] == "i" and self.size >= 4 and rng.random() < 0.3
        self.sum_op = rng.choice(SUMS)
        self.keeps = rng.random() < 0.25  # what is loaded, for the next element's sake

    # -- an element's expression, as a tree that is the same for all copies --

    def tree(self, depth):
        rng = self.rng
        kind = rng.random()
        if depth == 0 or kind < 0.15:
            leaf = rng.random()
            if leaf < (0.4 if self.keeps else 0.7):
                return ("load", rng.randrange(3), rng.choice((0, 0, 0, 0, 1, -1, 2, 40)),
                        rng.choice(self.loads))
            if self.keeps and leaf < 0.8:
                return (rng.choice(("before", "before", "now")),)
            return ("k",) if leaf < 0.85 else ("const", rng.randrange(1, 100))
        if kind < 0.3 and self.ops1:
            return ("op1", rng.choice(self.ops1), self.tree(depth - 1))
        if kind < 0.4 and self.size >= 4:
            return ("select", rng.choice(COMPARES[self.type[0]]), self.tree(depth - 1),
                    self.tree(0), self.tree(depth - 1), self.tree(0))
        if kind < 0.45 and self.element == "i32":
            return ("index",)
        op = rng.choice(self.ops2)
        right = ("const", rng.randrange(8 * self.size)) if op in ("shl", "shr_s", "shr_u") and \
            rng.random() < 0.8 else self.tree(depth - 1)
        return ("op2", op, self.tree(depth - 1), right)

    def address(self, which, offset):
        """The address, and the constant in the access."""
        base = f"(local.get $p{which})"
        if self.has_index:
            base = f"(i32.add {base} (local.get $i))"
        if offset < 0 or self.rng.random() < 0.3:
            return f"(i32.add {base} (i32.const {offset}))", ""
        return base, f" offset={offset}" if offset else ""

    def text(self, tree, copy):
        kind = tree[0]
        if kind == "load":
            address, offset = self.address(tree[1], (tree[2] + copy) * self.size)
            return f"({tree[3]}{offset} {address})"
        if kind in ("k", "before", "now"):
            return f"(local.get ${kind})"
        if kind == "const":
            return f"({self.type}.const {tree[1]})"
        if kind == "index":
            return f"(i32.add (local.get $i) (i32.const {copy * abs(self.step) // self.n_copies}))"
        if kind == "op1":
            return f"({self.type}.{tree[1]} {self.text(tree[2], copy)})"
        if kind == "op2":
            return f"({self.type}.{tree[1]} {self.text(tree[2], copy)} {self.text(tree[3], copy)})"
        a, b, x, y = (self.text(t, copy) for t in tree[2:])
        return f"(select {x} {y} ({self.type}.{tree[1]} {a} {b}))"

    # -- the loop --

    def statements(self):
        rng = self.rng
        todo = []
        if rng.random() < 0.1:
            load = ("load", rng.randrange(3), rng.choice((0, 1, -1, 40)), rng.choice(self.loads))
            todo.append([f"(drop {self.text(load, copy)})"  # a load, so that it ends
                         for copy in range(self.n_copies)])
            if rng.random() < 0.5:
                return [part for copies in todo for part in copies]
        if self.keeps:
            load = ("load", rng.randrange(3), 0, self.loads[0])
            todo.append([f"(local.set $now {self.text(load, copy)})"
                         for copy in range(self.n_copies)])
        for _ in range(rng.choice((1, 1, 1, 2, 3)) if not self.has_sum else rng.choice((0, 0, 1))):
            tree, which, offset = self.tree(rng.randrange(4)), rng.randrange(3), rng.choice((0, 0, 1))
            copies = []
            for copy in range(self.n_copies):
                address, more = self.address(which, (offset + copy) * self.size)
                copies.append(f"({self.store}{more} {address} {self.text(tree, copy)})")
            if rng.random() < 0.05:
                rng.shuffle(copies)
            todo.append(copies)
        if self.has_sum:
            load = ("load", rng.randrange(3), 0, rng.choice(self.loads))  # so that it ends
            tree = ("op2", rng.choice(("add", "xor")), load, self.tree(rng.randrange(3)))
            todo.append([f"(local.set $sum ({self.type}.{self.sum_op} (local.get $sum) "
                         f"{self.text(tree, copy)}))" for copy in range(self.n_copies)])
        if self.keeps:
            todo.append(["(local.set $before (local.get $now))"] * self.n_copies)
        if rng.random() < 0.5 or self.keeps:  # copy by copy, as LLVM has them; or statement by statement
            return [part for copies in zip(*todo) for part in copies]
        return [part for copies in todo for part in copies]

    def moves(self):
        if self.has_index:
            return [f"(local.set $i (i32.add (local.get $i) (i32.const {self.step})))"]
        return [f"(local.set $p{i} (i32.add (local.get $p{i}) (i32.const {self.step})))"
                for i in range(3)] + \
            [f"(local.set $i (i32.add (local.get $i) (i32.const {self.step})))"]

    def test(self):
        """What ends the loop: (before it, the condition to go on)."""
        rng = self.rng
        kind = rng.randrange(7)
        end = f"(local.set $end (i32.mul (local.get $n) (i32.const {self.step})))"
        if kind == 0:  # a counter of its own, down to zero
            return "", "(local.tee $n (i32.sub (local.get $n) (i32.const 1)))"
        if kind == 1:  # up to an end that it may miss
            return "(local.set $end (local.get $n))", "(i32.ne (local.get $i) (local.get $end))"
        if kind == 2:
            return end, "(i32.ne (local.get $i) (local.get $end))"
        op = rng.choice(("lt_s", "lt_u", "le_s", "le_u"))
        if kind < 5:
            return end, f"(i32.{op} (local.get $i) (local.get $end))"
        if kind == 5:  # down, from any number in any steps
            down = rng.choice((1, 2, 3, 7))
            return "", (f"(i32.{rng.choice(('gt_s', 'gt_u', 'ge_s', 'ge_u'))} (local.tee $n "
                        f"(i32.sub (local.get $n) (i32.const {down}))) (i32.const {rng.choice((0, 1, 5))}))")
        return "", (f"(i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) "
                    f"(i32.const {rng.randrange(80)}))")

    def function(self):
        before, goes_on = self.test()
        start = f"(local.set $i (i32.const {self.rng.choice((0, 0, 0, self.step, -8 * self.step))}))"
        body = "\n      ".join(self.statements() + self.moves())
        result = f"(i64.extend_i32_u (local.get $sum))" if self.type == "i32" else "(local.get $sum)"
        if self.type[0] == "f":
            result = f"(i64.trunc_sat_f64_s {'(f64.promote_f32 (local.get $sum))' if self.type == 'f32' else '(local.get $sum)'})"
        return f"""  (func (export "{self.name}")
    (param $p0 i32) (param $p1 i32) (param $p2 i32) (param $n i32) (param $k {self.type})
    (result i64) (local $i i32) (local $end i32) (local $sum {self.type})
    (local $before {self.type}) (local $now {self.type})
    {start} {before} (local.set $sum (local.get $k))
    (local.set $before (local.get $k))
    (loop $next
      {body}
      (br_if $next {goes_on}))
    (local.set $sum ({self.type}.add (local.get $sum) (local.get $before)))
    (i64.xor {result} (i64.extend_i32_u (i32.add (local.get $i) (local.get $p1)))))
"""

    def start(self):
        rng = self.rng
        kind = rng.random()
        near = rng.randrange(0, 600) * rng.choice((1, self.size))
        if kind < 0.75:
            return 4096 + near
        if kind < 0.95:
            return MEMORY_BYTES - near
        return (-near) & 0xFFFFFFFF

    def arguments(self):
        n = self.rng.choice((0, 1, 2, 3, *(self.rng.randrange(71) for _ in range(12)), 200,
                             0xFFFFFFFF, 0x7FFFFFFE))
        values = [("i32", self.start()) for _ in range(3)] + [("i32", n)]
        return [{"type": t, "value": str(v)} for t, v in values] + \
            [plan.argument(self.rng, {"i32": 0x7F, "i64": 0x7E, "f32": 0x7D, "f64": 0x7C}[self.type])]


def make(seed, folder, shared):
    """Writes the plan of a case into folder."""
    rng = random.Random(f"loops {seed}")
    loops = [Loop(rng, f"loop{i}") for i in range(N_FUNCS)]
    data = "".join(f"\\{rng.getrandbits(8):02x}" for _ in range(2048))
    limits = rng.choice(("1", "1 1", "1 2"))
    text = (f'(module (memory (export "memory") {limits})\n'
            f'  (data (i32.const 4096) "{data}")\n'
            f'  (data (i32.const {MEMORY_BYTES - 2048}) "{data}")\n' +
            "".join(loop.function() for loop in loops) + ")\n")
    source, target = os.path.join(folder, "loops.wat"), os.path.join(folder, "loops.wasm")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    subprocess.run(["wat2wasm", source, "-o", target], capture_output=True, check=True)
    with open(target, "rb") as file:
        commands = [plan.subject_write(folder, file.read()), plan.register("$subject", "subject"),
                    plan.module("$hash", f"{shared}/hash.wasm")]
    for _ in range(N_CALLS):
        for loop in loops:
            commands += [plan.invoke("$subject", loop.name, loop.arguments()),
                         plan.invoke("$hash", "hash")]
    plan.plan_write(folder, commands)
