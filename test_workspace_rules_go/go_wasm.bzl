"""The rules for wasm modules of go_library targets."""

load("@rules_go//go:def.bzl", "GoInfo")
load("@rules_go_wasm//rules:rules_go.bzl", "bridge_aspect", "bridge_library", "vet_aspect")

go_wasm_aspect = bridge_aspect(GoInfo)
go_wasm_library = bridge_library(go_wasm_aspect, Label("@rules_go//go/toolchain:wasip1_wasm"))
go_wasm_vet = vet_aspect([go_wasm_aspect])
