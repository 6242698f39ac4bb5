import circle

const b = 1
