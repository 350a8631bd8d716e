package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// pluginFunc is a plugin in this process: those of their own are tested by drover-plugins and in test/system.
type pluginFunc func(object []byte, secrets map[string][]byte) ([]byte, error)

func (f pluginFunc) Transform(_ context.Context, _ string, object []byte, secrets map[string][]byte) ([]byte, error) {
	return f(object, secrets)
}

const ciphertext = "ENC[AES256_GCM,data:x]"

// decrypting has an app decrypted with the keys in a Secret.
func decrypting(app protocol.App, namespace, secret string) protocol.App {
	app.Decrypt = &protocol.Decryption{Namespace: namespace, Secret: secret}
	app.Needs = app.Handling.Needs()
	return app
}

// with gives an agent a plugin.
func with(p agent.PluginHost) func(*deliver.Config) { return func(c *deliver.Config) { c.Plugins = p } }

// What was decrypted is applied, and healed, and a changed key is taken at once; it is kept nowhere.
func TestWhatIsDecryptedIsKeptNowhere(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	ns := testenv.NamespaceT(t, cp)
	made(t, cp, secret(ns, "keys", "{a.agekey: 1-}")+"\n---\n"+secret(home, "drover-sops", "{a.agekey: own-}"))
	running := agenttest.Start(t, cp, home, hub, with(pluginFunc(func(object []byte, secrets map[string][]byte) ([]byte, error) {
		return bytes.ReplaceAll(object, []byte(ciphertext), append(secrets["a.agekey"], "tops3cret ${x}"...)), nil
	})))
	web := decrypting(from(hub.App(t, "web", configMap(ns, "web", ciphertext), configMap(ns, "plain", "1")), ns, map[string]string{"x": "y"}), ns, "keys")
	own := decrypting(hub.App(t, "own", configMap(ns, "own", ciphertext)), "", "")
	b := hub.Bundle(web, own)
	hub.Publish(t, b)
	hub.Healthy(t, b)
	has(t, cp, mapRef(ns, "web"), "1-tops3cret y") // variables are replaced in what was decrypted, as in Flux
	has(t, cp, mapRef(ns, "own"), "own-tops3cret ${x}")
	mustPatch(t, cp, mapRef(ns, "web"), `{"data":{"key":"theirs"}}`)
	has(t, cp, mapRef(ns, "web"), "1-tops3cret y")
	noTrace(t, cp, home, "tops3cret")
	running.Stop(t)
	for _, e := range hub.Events() {
		if strings.Contains(e.Message, "tops3cret") {
			t.Errorf("an event says %q", e.Message)
		}
	}
}

func TestWhatCannotBeDecryptedStopsItsAppAlone(t *testing.T) {
	t.Parallel()
	answer := func(out string, err error) agent.PluginHost {
		return pluginFunc(func([]byte, map[string][]byte) ([]byte, error) { return []byte(out), err })
	}
	for _, c := range []struct {
		name    string
		plugins agent.PluginHost
		tenant  bool
		want    string
	}{
		{"no plugins", nil, false, "this agent was started without plugins"},
		{"a plugin that fails", answer("", errors.New("no key fits")), false, "it is encrypted with SOPS and cannot be decrypted: no key fits"},
		{"another object", answer(configMap("kube-system", "web", "1"), nil), false, "the plugin sops made another object of it, or none: it is not applied"},
		{"no object", answer("s3cret", nil), false, "the plugin sops made another object of it, or none: it is not applied"},
		{"a tenant without keys of its own", answer("", nil), true, "it names no Secret with keys: the agent's own are not for an app that is applied with the rights of a service account"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, home, hub := stage(t)
			ns := testenv.NamespaceT(t, cp)
			made(t, cp, secret(home, "drover-sops", "{a.agekey: x}"))
			agenttest.Start(t, cp, home, hub, with(c.plugins))
			web := decrypting(hub.App(t, "web", configMap(ns, "web", ciphertext)), "", "")
			if c.tenant {
				web = as(tenant(t, cp, ns), web)
			}
			b := hub.Bundle(web, hub.App(t, "other", configMap(ns, "other", "1")))
			hub.Publish(t, b)
			if a := failing(t, hub, b, "web", c.want); strings.Contains(fmt.Sprint(a), "s3cret") {
				t.Errorf("it says %v", a)
			}
			has(t, cp, mapRef(ns, "other"), "1")
			if _, err := cp.Kube().Get(t.Context(), mapRef(ns, "web")); !testenv.IsNotFound(err) {
				t.Errorf("it was applied: %v", err)
			}
		})
	}
}
