;; The instruction that Rust cannot express: `grow(elements)` gives the table's former size, or -1.
(module
  (table $hoard 0 funcref)
  (func (export "grow") (param $elements i32) (result i32)
    (table.grow $hoard (ref.null func) (local.get $elements))))
