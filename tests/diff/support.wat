;; What binaryen's fuzz modules import: every logged value goes into a hash, and the last ones into
;; memory, to be looked at when two engines don't agree.
(module
  (memory (export "log") 1)
  (global $hash (export "hash") (mut i64) (i64.const 0xcbf29ce484222325))
  (global $count (export "count") (mut i32) (i32.const 0))

  (func $add (param $kind i64) (param $bits i64)
    (local $at i32)
    (local.set $at (i32.shl (i32.and (global.get $count) (i32.const 0xfff)) (i32.const 4)))
    (i64.store (local.get $at) (local.get $kind))
    (i64.store offset=8 (local.get $at) (local.get $bits))
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (global.set $hash (i64.mul (i64.const 0x100000001b3)
      (i64.xor (global.get $hash) (i64.rotl (local.get $bits) (local.get $kind))))))

  (func (export "log-i32") (param i32)
    (call $add (i64.const 1) (i64.extend_i32_u (local.get 0))))
  (func (export "log-i64") (param i64)
    (call $add (i64.const 2) (local.get 0)))
  (func (export "log-f32") (param f32)
    (call $add (i64.const 3) (i64.extend_i32_u (i32.reinterpret_f32 (local.get 0)))))
  (func (export "log-f64") (param f64)
    (call $add (i64.const 4) (i64.reinterpret_f64 (local.get 0))))
  (func (export "log-v128") (param v128)
    (call $add (i64.const 5) (i64x2.extract_lane 0 (local.get 0)))
    (call $add (i64.const 6) (i64x2.extract_lane 1 (local.get 0)))))
