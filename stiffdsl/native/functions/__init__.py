"""Functions of a program as LLVM IR: unrolled or in loops over vectors, and work hoisted out of a solve."""
