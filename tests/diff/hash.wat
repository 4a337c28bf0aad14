;; The hash (FNV-1a over words of 8 bytes) of another module's memory.
(module
  (import "subject" "memory" (memory 0))
  (func (export "hash") (result i64)
    (local $at i32) (local $words i32) (local $hash i64)
    (local.set $hash (i64.const 0xcbf29ce484222325))
    (local.set $words (i32.shl (memory.size) (i32.const 13)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $words)))
        (local.set $hash (i64.mul (i64.const 0x100000001b3)
          (i64.xor (local.get $hash) (i64.load (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (local.set $words (i32.sub (local.get $words) (i32.const 1)))
        (br $next)))
    (local.get $hash)))
