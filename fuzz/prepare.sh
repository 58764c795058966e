#!/bin/sh
# Makes inputs/ (the archives of fixture/, with an import configuration) and the seeds in
# corpus/. Takes the go program to use as its argument.
set -eu
cd "$(dirname "$0")"
go=${1:-go}
rm -rf inputs
mkdir -p inputs corpus/archive corpus/body corpus/link corpus/plan corpus/module corpus/manifest corpus/replies corpus/cacheprog corpus/entry artifacts
export GOTOOLCHAIN=local GOOS=wasip1 GOARCH=wasm
(cd fixture && "$go" list -export -deps -f '{{.Name}} {{.ImportPath}} {{.Export}}' .) |
    while read -r name path archive; do
        [ -n "$archive" ] || continue # unsafe has no archive
        file=$(echo "$path" | tr / _).a
        cp "$archive" "inputs/$file"
        chmod u+w "inputs/$file"
        if [ "$name" = main ]; then
            mv "inputs/$file" inputs/main.a
        else
            echo "packagefile $path=$PWD/inputs/$file" >> inputs/importcfg
        fi
    done
for archive in inputs/*.a; do
    [ "$(wc -c < "$archive")" -gt 100000 ] || cp "$archive" corpus/archive/
done
printf '\000\000\000\000\001\000\000\000' > corpus/link/patch
printf '\002\000\020\000\000\377\002\000\024\000\000\001' > corpus/link/patches
cp ../examples/*/*.plan.toml corpus/plan/
cp fixture/plan.wasm corpus/module/
printf '{"schema":1,"module":{"sha256":"","size":0},"exports":[{"name":"f","kind":"func","params":["i32"],"results":[]}],"imports":[]}' > corpus/manifest/small
# SP + 8 as the address of a load, a narrowed constant, two steps of SP.
printf '\001\001\177\043\000\041\001\040\001\255\102\010\174\247\051\003\000\032\102\001\247\032\040\001\101\010\152\042\001\044\000\040\001\101\010\152\042\001\044\000\013' > corpus/body/frame
# A lookup, an execution and an upload, all well; then each with zstd.
printf '\000' > corpus/replies/look-up
printf '\022' > corpus/replies/execute
printf '\040' > corpus/replies/upload
printf '\001' > corpus/replies/look-up-zstd
printf '\043\000\001\003\010\000\377' > corpus/replies/upload-zstd-patched
printf '{"ID":1,"Command":"get","ActionID":"AAAA"}\n{"ID":2,"Command":"put","ActionID":"AAAA","OutputID":"ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=","BodySize":3}\n"YWJj"\n{"ID":3,"Command":"get","ActionID":"AAAA"}\n{"ID":4,"Command":"close"}\n' > corpus/cacheprog/session
printf '\000' > corpus/entry/empty
printf '\001\002\003' > corpus/entry/changed
