package words

const system = "three"
