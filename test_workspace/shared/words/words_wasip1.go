package words

// System is what this package was built for.
const System = "wasip1"
