// Command proxy-wasm is an HTTP filter for Envoy and other proxies that speak proxy-wasm. It keeps
// clients away from internal paths and puts a configured header on every response.
//
// All 22 exports of the module are declared in the SDK, none here.
package main

import (
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func init() {
	proxywasm.SetPluginContext(func(uint32) types.PluginContext { return &plugin{} })
}

// plugin is one configuration of the filter: "NAME: VALUE", the header to set.
type plugin struct {
	types.DefaultPluginContext
	name, value string
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	configuration, err := proxywasm.GetPluginConfiguration()
	if err != nil {
		proxywasm.LogCriticalf("cannot read the configuration: %v", err)
		return types.OnPluginStartStatusFailed
	}
	name, value, found := strings.Cut(string(configuration), ":")
	if !found {
		proxywasm.LogCriticalf("the configuration is %q, not NAME: VALUE", configuration)
		return types.OnPluginStartStatusFailed
	}
	p.name, p.value = strings.TrimSpace(name), strings.TrimSpace(value)
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext { return &filter{plugin: p} }

// filter is one HTTP exchange.
type filter struct {
	types.DefaultHttpContext
	plugin *plugin
}

func (f *filter) OnHttpRequestHeaders(int, bool) types.Action {
	path, err := proxywasm.GetHttpRequestHeader(":path")
	if err != nil {
		proxywasm.LogErrorf("cannot read the path: %v", err)
		return types.ActionContinue
	}
	if !strings.HasPrefix(path, "/internal/") {
		return types.ActionContinue
	}
	if err := proxywasm.SendHttpResponse(403, nil, []byte("not for you\n"), -1); err != nil {
		proxywasm.LogErrorf("cannot refuse %s: %v", path, err)
	}
	return types.ActionPause
}

func (f *filter) OnHttpResponseHeaders(int, bool) types.Action {
	if err := proxywasm.AddHttpResponseHeader(f.plugin.name, f.plugin.value); err != nil {
		proxywasm.LogErrorf("cannot add %s: %v", f.plugin.name, err)
	}
	return types.ActionContinue
}

func main() {}
