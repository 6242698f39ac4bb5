import circle_back

const a = 1
