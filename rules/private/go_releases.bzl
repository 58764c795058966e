"""Releases of Go. `cargo xtask lock-go` writes this file."""

# SHA-256 of the archives of the Go module golang.org/toolchain, by version and platform.
GO_SHA256 = {
    "1.24.11": {
        "linux-amd64": "8a9685c09d449928863152512648530dafde05e7d41fcbb21baba3a852e84ef4",
    },
    "1.25.5": {
        "linux-amd64": "8cea6783dab64d68b38f5b81ecd38d45155a3c06638991acc6af19e0fca80edb",
    },
    "1.26.8": {
        "darwin-amd64": "fe99a2009e5bb51e06d7784f1a486478673512041c2671157bd382806e2aedcf",
        "darwin-arm64": "0aad5fb52b88498885290178adc0bcfe429bc63012621af9f83282eb640bd9c7",
        "linux-amd64": "30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7",
        "linux-arm64": "02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99",
    },
    "1.27.3": {
        "darwin-amd64": "dc58868b55f2797ea997f3835e242c7c5da22df94f13fb06a79da1bab1cfed08",
        "darwin-arm64": "8a730f886ae5c136fc467bface49a78f332fd5aeae5ad383c1f4f858bc9dd566",
        "linux-amd64": "af4c06478303fdd1bfb335fab86c7ccb9b12e529044a946a16a1c4bcc779f8d7",
        "linux-arm64": "0ec0774cad42ecf4df82691146ee0b10c303ea594f163acb1737baedd5cc2835",
    },
}
