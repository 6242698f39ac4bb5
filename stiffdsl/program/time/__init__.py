"""Time in a program: what depends on it alone, jumps in it, and the segments between them."""
