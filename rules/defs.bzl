"""The rules for Go packages, modules and tests, and the providers by which other rules use them."""

load("//rules/private:go_wasm_binary.bzl", _go_wasm_binary = "go_wasm_binary")
load("//rules/private:go_wasm_bindings.bzl", _go_wasm_bindings = "go_wasm_bindings")
load("//rules/private:go_wasm_image.bzl", _go_wasm_image = "go_wasm_image")
load("//rules/private:go_wasm_interface_test.bzl", _go_wasm_interface_test = "go_wasm_interface_test")
load("//rules/private:go_wasm_library.bzl", _go_wasm_library = "go_wasm_library")
load("//rules/private:go_wasm_package.bzl", _go_wasm_package = "go_wasm_package")
load("//rules/private:go_wasm_size_test.bzl", _go_wasm_size_test = "go_wasm_size_test")
load("//rules/private:go_wasm_test.bzl", _go_wasm_test = "go_wasm_test")
load("//rules/private:go_wasm_verify_test.bzl", _go_wasm_verify_test = "go_wasm_verify_test")
load("//rules/private:go_wasm_vet.bzl", _go_wasm_vet = "go_wasm_vet")
load("//rules/providers:go_wasm_module_info.bzl", _GoWasmModuleInfo = "GoWasmModuleInfo")
load("//rules/providers:go_wasm_package_info.bzl", _GoWasmPackageInfo = "GoWasmPackageInfo")

go_wasm_binary = _go_wasm_binary
go_wasm_bindings = _go_wasm_bindings
go_wasm_image = _go_wasm_image
go_wasm_interface_test = _go_wasm_interface_test
go_wasm_library = _go_wasm_library
go_wasm_package = _go_wasm_package
go_wasm_size_test = _go_wasm_size_test
go_wasm_test = _go_wasm_test
go_wasm_verify_test = _go_wasm_verify_test
go_wasm_vet = _go_wasm_vet

GoWasmModuleInfo = _GoWasmModuleInfo
GoWasmPackageInfo = _GoWasmPackageInfo
