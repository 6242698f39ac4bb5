"""Functions of LLVM IR as text: a writer, vectors, and elementary functions without branches."""
